import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.notify.test_mail_reads_well import MESSAGE
from tocsin.adapters.webhook.channel import WebhookChannel
from tocsin.domain.errors import Invalid
from tocsin.lib import http
from tocsin.ports.channel import Receipt, Result


class Receiver:
    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self.headers = {"content-length": "0"}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


def send(receiver: Receiver, **fields: object) -> Receipt:
    with http.client() as client:
        message = replace(MESSAGE, address=receiver.url, **fields)
        return WebhookChannel(client).send(message, lambda: True)


def test_the_body_is_signed_and_carries_the_idempotency_key(receiver: Receiver) -> None:
    assert send(receiver, config={"secret": "s3cret"}).result is Result.SENT
    ((headers, body),) = receiver.requests
    assert headers["idempotency-key"] == MESSAGE.key
    stamp, signature = headers["x-tocsin-signature"].split(",")
    at = stamp.removeprefix("t=")
    expected = hmac.new(b"s3cret", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert signature == f"v1={expected}"
    document = json.loads(body)
    assert document["incident"]["ref"] == "INC-12"
    assert document["actions"][0]["name"] == "acknowledge"
    assert document["to"]["name"] == "Alicé, on call"


def test_without_a_secret_it_is_unsigned(receiver: Receiver) -> None:
    send(receiver)
    assert "x-tocsin-signature" not in receiver.requests[0][0]


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (204, Result.SENT),
        (302, Result.FAILED),
        (400, Result.FAILED),
        (404, Result.FAILED),
        (410, Result.FAILED),
        (408, Result.RETRY),
        (429, Result.RETRY),
        (500, Result.RETRY),
        (503, Result.RETRY),
    ],
)
def test_the_status_decides(receiver: Receiver, status: int, result: Result) -> None:
    receiver.status = status
    if status != 204:
        receiver.headers = {
            "content-length": "0",
            "retry-after": "7",
            "location": "http://elsewhere.example.com/",
        }
    receipt = send(receiver)
    assert receipt.result is result
    if result is Result.RETRY:
        assert receipt.retry_after_s == 7


def test_nothing_leaves_that_is_not_wanted_any_more(receiver: Receiver) -> None:
    with http.client() as client:
        receipt = WebhookChannel(client).send(replace(MESSAGE, address=receiver.url), lambda: False)
    assert receipt.result is Result.WITHDRAWN
    assert receiver.requests == []


@pytest.mark.parametrize("address", ["", "ftp://x", "http://", "example.com", "http://a b", "http://[::1"])
def test_an_address_is_checked(address: str) -> None:
    with http.client() as client, pytest.raises(Invalid):
        WebhookChannel(client).check_address(address)


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "2852039166", "0xA9FEA9FE", "0.0.0.0"],
)
def test_an_address_that_is_never_called_is_refused_when_it_is_typed(host: str) -> None:
    with http.client() as client, pytest.raises(Invalid, match="never called") as refused:
        WebhookChannel(client).check_address(f"http://{host}/latest/meta-data")
    assert refused.value.errors[0].field == "address"


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.7:8080", "hooks.example.com", "[2001:db8::1]"])
def test_other_addresses_are_taken_as_they_are(host: str) -> None:
    with http.client() as client:
        assert WebhookChannel(client).check_address(f"http://{host}/x") == f"http://{host}/x"


def test_link_local_addresses_are_never_called() -> None:
    with http.client() as client:
        message = replace(MESSAGE, address="http://169.254.169.254/latest/meta-data")
        assert WebhookChannel(client).send(message, lambda: True).result is Result.FAILED
