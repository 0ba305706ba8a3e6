"""Signing in through an OpenID Connect provider: a real HTTP provider, allauth's own flow."""

import base64
import json
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as django_settings
from django.http import HttpResponse
from django.test import Client
from pytest_django.fixtures import Settings

from tocsin.apps.identity import actions
from tocsin.apps.identity.models import User, UserState
from tocsin.domain.permissions import SYSTEM

EMAIL = "ada@example.com"


class Provider:
    """Knows one person; gives her out for any code."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {"sub": "42", "email": EMAIL, "email_verified": True, "name": "Ada"}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, path: str) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/jwks",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        if path == "/token":
            return {"access_token": "let me in", "token_type": "Bearer", "expires_in": 60}
        return self.claims if path == "/userinfo" else {"keys": []}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(provider.answer(urlsplit(self.path).path)).encode()
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the name http.server asks for

            def log_message(self, *_args: object) -> None:
                return

        return Handler


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    made = Provider()
    threading.Thread(target=made.server.serve_forever, args=(0.05,), daemon=True).start()
    app = {
        "provider_id": "sso",
        "name": "Company",
        "client_id": "tocsin",
        "secret": base64.b64encode(b"x" * 24).decode(),
        "settings": {"server_url": made.url},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {
        **django_settings.SOCIALACCOUNT_PROVIDERS,
        "openid_connect": {"APPS": [app]},
    }
    yield made
    made.server.shutdown()
    made.server.server_close()


def sign_in(client: Client) -> HttpResponse:
    there = client.post("/accounts/oidc/sso/login/")
    assert there.status_code == 302
    state = parse_qs(urlsplit(there["Location"]).query)["state"][0]
    back = client.get("/accounts/oidc/sso/login/callback/", {"code": "any", "state": state})
    assert isinstance(back, HttpResponse)
    return back


def test_the_sign_in_page_offers_it(db: None, provider: Provider) -> None:
    page = Client().get("/accounts/login/").content.decode()
    assert "Company" in page
    assert "/accounts/oidc/sso/login/" in page


def test_who_was_invited_comes_in_and_is_invited_no_longer(
    db: None, provider: Provider, now: datetime
) -> None:
    actions.invite_user(actor=SYSTEM, email=EMAIL, now=now)
    client = Client()
    sign_in(client)
    assert "_auth_user_id" in client.session
    assert User.objects.get(email=EMAIL).state == UserState.ACTIVE


def test_a_stranger_does_not_come_in_and_gets_no_account(db: None, provider: Provider) -> None:
    client = Client()
    sign_in(client)
    assert "_auth_user_id" not in client.session
    assert not User.objects.exists()


def test_an_address_that_the_provider_has_not_verified_proves_nothing(
    db: None, provider: Provider, now: datetime
) -> None:
    provider.claims["email_verified"] = False
    actions.invite_user(actor=SYSTEM, email=EMAIL, now=now)
    client = Client()
    sign_in(client)
    assert "_auth_user_id" not in client.session
