"""SAML by settings: the provider's metadata is read, and people are sent there with a proper request."""

import base64
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django.fixtures import Settings

HOST = "tocsin.example.com"
ENTITY = "https://idp.example.com/"
METADATA = f"""<?xml version="1.0"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ENTITY}">
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing">
      <ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
        <ds:X509Data><ds:X509Certificate>MIIB</ds:X509Certificate></ds:X509Data>
      </ds:KeyInfo>
    </md:KeyDescriptor>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
      Location="{ENTITY}sso"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>""".encode()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(METADATA)))
        self.end_headers()
        self.wfile.write(METADATA)

    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture
def client(db: None, settings: Settings) -> Iterator[Client]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    idp = {"entity_id": ENTITY, "metadata_url": f"http://127.0.0.1:{server.server_address[1]}/metadata"}
    app = {"provider_id": ENTITY, "client_id": "saml", "name": "Company SAML", "settings": {"idp": idp}}
    settings.SOCIALACCOUNT_PROVIDERS = {**django_settings.SOCIALACCOUNT_PROVIDERS, "saml": {"APPS": [app]}}
    settings.ALLOWED_HOSTS = [HOST]
    yield Client(headers={"host": HOST})
    server.shutdown()
    server.server_close()


def test_the_sign_in_page_sends_people_to_the_identity_provider(client: Client) -> None:
    assert "Company SAML" in client.get("/accounts/login/").content.decode()
    there = urlsplit(client.post("/accounts/saml/saml/login/")["Location"])
    assert there.geturl().startswith(f"{ENTITY}sso?")
    request = zlib.decompress(base64.b64decode(parse_qs(there.query)["SAMLRequest"][0]), -15).decode()
    assert f'AssertionConsumerServiceURL="http://{HOST}/accounts/saml/saml/acs/"' in request


def test_our_own_metadata_is_there_for_the_identity_provider(client: Client) -> None:
    assert b"/accounts/saml/saml/acs/" in client.get("/accounts/saml/saml/metadata/").content
