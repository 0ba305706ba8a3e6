import ipaddress
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tocsin.lib import http


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/big":
            self._answer(200, b"x" * 100_000)
        elif self.path == "/elsewhere":
            self._answer(302, b"", location="http://example.com/")
        elif self.path == "/nowhere":
            self._answer(302, b"", location="http://[nowhere/")
        elif self.path == "/moved":
            self._answer(302, b"", location="/json")
        else:
            self._answer(200, b'{"fine": true}')

    def do_POST(self) -> None:
        self._answer(201, self.rfile.read(int(self.headers["content-length"])))

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_answers_with_status_headers_and_body(server: str) -> None:
    with http.client(server) as client:
        assert client.get("/json").json() == {"fine": True}
        assert client.post("/echo", content=b"hello").text == "hello"


def test_it_follows_redirects_on_the_same_host_only(server: str) -> None:
    with http.client(server) as client:
        assert client.get("/moved").ok
        with pytest.raises(http.RefusedError, match="another host"):
            client.get("/elsewhere")
        with pytest.raises(http.HttpError, match="redirects to no address"):
            client.get("/nowhere")


def test_it_reads_no_more_than_asked_for(server: str) -> None:
    with http.client(server) as client, pytest.raises(http.HttpError, match="more than 1000 bytes"):
        client.get("/big", most_bytes=1000)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b::6464:64c8]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://0.0.0.0/",
        "http://100.100.100.200/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http:///nothing",
    ],
)
def test_it_never_calls_link_local_or_metadata_addresses(url: str) -> None:
    with http.client(trusted=True) as client, pytest.raises(http.RefusedError):
        client.get(url)


@pytest.mark.parametrize(
    "wrapped",
    ["::ffff:a00:1", "64:ff9b::a00:1", "2002:a00:1::1", "::7f00:1", "64:ff9b:1::a00:1", "100.64.0.1"],
)
def test_a_private_address_is_private_however_it_is_wrapped(wrapped: str) -> None:
    with pytest.raises(http.RefusedError):
        http.check_address(ipaddress.ip_address(wrapped), allow_private=False)
    http.check_address(ipaddress.ip_address(wrapped), allow_private=True)


def test_a_public_address_may_be_reached_through_a_translator() -> None:
    http.check_address(ipaddress.ip_address("64:ff9b::808:808"), allow_private=False)


def test_it_checks_the_address_behind_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "resolve", lambda host, port: (ipaddress.ip_address("169.254.169.254"),))
    with http.client() as client, pytest.raises(http.RefusedError):
        client.get("http://metadata.example/")


def test_it_refuses_private_addresses_where_the_operator_says_so(server: str) -> None:
    strict = http.Policy(allow_private=False)
    with http.Client(policy=strict) as client, pytest.raises(http.RefusedError):
        client.get(server)
    with http.Client(policy=strict, trusted=True) as client:
        assert client.get(server).ok


def test_it_says_what_went_wrong_without_secrets() -> None:
    with http.client() as client, pytest.raises(http.HttpError) as caught:
        client.get("http://user:hunter2@127.0.0.1:1/hook?token=s3cret")
    assert "hunter2" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:1/x", "nothing answers at this port"),
        ("http://nowhere.invalid/x", "no server is known by the name nowhere.invalid"),
        ("https://{server}/x", "does not speak https"),
        ("http://127.0.0.1:99999/x", "is not an http or https URL"),
    ],
)
def test_what_went_wrong_is_said_in_words(address: str, words: str, server: str) -> None:
    with http.client() as client, pytest.raises(http.HttpError) as caught:
        client.get(address.replace("{server}", server.removeprefix("http://")), timeout_s=2)
    assert words in str(caught.value)
    assert "Errno" not in str(caught.value)
