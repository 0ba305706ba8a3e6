"""The one HTTP client for everything that leaves the house.

It never reaches link-local and metadata addresses, resolves a name once and connects to exactly what it
checked (a name cannot change its address between check and use), follows redirects only on the same host,
reads no more than asked for, and always has a time-out.
"""

import ipaddress
import json
import re
import socket
import ssl
import weakref
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from tocsin import __version__

_REDIRECTS: Final = 3
_DEFAULT_LIMIT: Final = 2 * 1024 * 1024
_NEVER: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",  # link-local: every cloud's metadata service
        "fe80::/10",  # the same for IPv6
        "fd00:ec2::254/128",  # metadata over IPv6
        "100.100.100.200/32",  # metadata of one cloud
        "168.63.129.16/32",  # host agent of another
        "0.0.0.0/8",
        "::/128",
        "224.0.0.0/4",
        "ff00::/8",
    )
)

_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")  # NAT64, RFC 6052

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class HttpError(Exception):
    """No answer: refused by policy, not reachable, too slow, or too large."""


class RefusedError(HttpError):
    """The address may not be called; trying again does not help."""


class TimedOutError(HttpError):
    """Whether the other side acted on the request is not known."""


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004 - the class of success in HTTP

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """Raises HttpError when the body is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise HttpError(f"The answer ({self.status}) is not JSON: {self.text[:200]!r}") from error

    @property
    def retry_after_s(self) -> float | None:
        value = self.headers.get("retry-after", "")
        return float(value) if value.isdigit() else None


@dataclass(frozen=True)
class Policy:
    proxy: str = ""
    ca_bundle: Path | None = None
    allow_private: bool = True


_policy = Policy()


def configure(proxy: str = "", ca_bundle: Path | None = None, *, allow_private: bool = True) -> None:
    """Once at the start of a process."""
    global _policy  # noqa: PLW0603 - the one policy of the process
    _policy = Policy(proxy, ca_bundle, allow_private)


def policy() -> Policy:
    return _policy


def check_address(address: Address, *, allow_private: bool) -> None:
    """Raises RefusedError for what may not be called."""
    address = _meant(address)
    if any(address in network for network in _NEVER if network.version == address.version):
        raise RefusedError(f"{address} is a link-local or metadata address; it is never called.")
    # Shared (100.64/10) and reserved ones too: all that is not of the public internet.
    if not allow_private and (not address.is_global or address.is_loopback or address.is_reserved):
        raise RefusedError(
            f"{address} is a private address; TOCSIN_ALLOW_PRIVATE_TARGETS=true would allow it."
        )


def check_host(host: str) -> None:
    """Raises RefusedError where a host is written as an address that may not be called. A name is looked up
    when it is called, not here.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:  # 2852039166 and 0xA9FEA9FE are addresses too, for whoever connects
            address = ipaddress.ip_address(socket.inet_aton(host))
        except (OSError, ValueError):
            return
    check_address(address, allow_private=_policy.allow_private)


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 one only wraps: mapped, through a translator (NAT64) or relay (6to4)."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class _GuardedBackend(httpcore.NetworkBackend):
    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        last: Exception | None = None
        for address in resolve(host, port):
            check_address(address, allow_private=self._allow_private)
            try:
                return self._inner.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last or httpcore.ConnectError(f"{host} has no address")

    def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's signature
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        raise RefusedError("Unix sockets are not called.")

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


def resolve(host: str, port: int) -> tuple[Address, ...]:
    """Raises httpcore.ConnectError when the name has no address."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(
            f"no server is known by the name {host}; check its spelling, and the DNS of this machine."
        ) from error
    unique = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    return tuple(ipaddress.ip_address(text) for text in unique)


class _GuardedTransport(httpx.HTTPTransport):
    """httpx's transport over a pool whose connections go through the guard."""

    def __init__(self, context: ssl.SSLContext, *, allow_private: bool) -> None:
        super().__init__(verify=context)
        # httpx offers no argument for the network backend; its one attribute is replaced with an equal pool.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_GuardedBackend(allow_private=allow_private),
        )


@dataclass
class Client:
    """Thread-safe; connections are kept alive until it is closed or forgotten."""

    base_url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    trusted: bool = False
    """The address comes from the operator's settings, not from a user: private ones are fine."""
    policy: Policy = field(default_factory=lambda: _policy)

    def __post_init__(self) -> None:
        private = self.trusted or self.policy.allow_private
        context = ssl.create_default_context(
            cafile=str(self.policy.ca_bundle) if self.policy.ca_bundle else None
        )
        mounts: dict[str, httpx.BaseTransport] = {}
        if self.policy.proxy:
            # The proxy resolves names itself and holds its own policy.
            mounts["https://"] = httpx.HTTPTransport(verify=context, proxy=self.policy.proxy)
        self._private = private
        self._client = httpx.Client(
            transport=_GuardedTransport(context, allow_private=private),
            mounts=mounts,
            headers={"user-agent": f"tocsin/{__version__}", **self.headers},
            follow_redirects=False,
            trust_env=False,
        )
        # Who forgets a client leaves no open connection behind.
        weakref.finalize(self, self._client.close)

    def get(self, url: str, **options: Any) -> Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Response:
        return self.request("POST", url, **options)

    def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        data: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout_s: float = 10.0,
        most_bytes: int = _DEFAULT_LIMIT,
    ) -> Response:
        """Any status is an answer; HttpError means there was none. `url` may be relative to `base_url`."""
        target = self._target(url)
        try:
            request = self._client.build_request(
                method,
                target,
                json=json,
                content=content,
                data=data,
                params=params,
                headers=dict(headers or {}),
                timeout=timeout_s,
            )
            return self._follow(request, auth, most_bytes)
        except httpx.TimeoutException as error:
            raise TimedOutError(f"{_shown(target)} did not answer within {timeout_s:g} s.") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpcore.ConnectError) as error:
            raise HttpError(f"{_shown(target)}: {_why(error)}") from error

    def _follow(self, request: httpx.Request, auth: tuple[str, str] | None, most_bytes: int) -> Response:
        for _ in range(_REDIRECTS + 1):
            answer = self._client.send(request, stream=True, auth=auth)
            try:
                body = _read(answer, most_bytes)
            finally:
                answer.close()
            if not answer.has_redirect_location or request.method not in {"GET", "HEAD"}:
                return Response(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, body)
            try:
                target = urljoin(str(request.url), answer.headers["location"])
                parts = urlsplit(target)
                elsewhere = parts.netloc != request.url.netloc.decode()
                # What is meant to be secret, such as a token, does not follow into the open.
                elsewhere = elsewhere or (request.url.scheme == "https" and parts.scheme != "https")
            except ValueError as error:
                raise HttpError(f"{_shown(str(request.url))} redirects to no address.") from error
            if elsewhere:
                raise RefusedError(
                    f"{_shown(str(request.url))} redirects to another host; that is not followed."
                )
            request = self._client.build_request(request.method, target, headers=request.headers)
        raise HttpError(f"{_shown(str(request.url))} redirects in circles.")

    def _target(self, url: str) -> str:
        target = url if "://" in url else f"{self.base_url.rstrip('/')}/{url.lstrip('/')}"
        try:
            parts = urlsplit(target)
            host = parts.hostname if parts.scheme in {"http", "https"} and parts.port != 0 else None
        except ValueError:  # such as a port beyond 65535
            host = None
        if not host:
            raise RefusedError(f"{target!r} is not an http or https URL.")
        with suppress(ValueError):
            # Behind a proxy nothing else looks at a literal address.
            check_address(ipaddress.ip_address(host), allow_private=self._private)
        return target

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def client(base_url: str = "", *, trusted: bool = False, headers: Mapping[str, str] | None = None) -> Client:
    return Client(base_url, headers or {}, trusted)


def _read(answer: httpx.Response, most: int) -> bytes:
    found = bytearray()
    for part in answer.iter_bytes():
        found += part
        if len(found) > most:
            raise HttpError(f"{_shown(str(answer.request.url))} answered with more than {most} bytes.")
    return bytes(found)


# What an operating system or a library says, in words that somebody can act on.
_WORDS: Final = (
    ("connection refused", "nothing answers at this port; check the address, and that the server runs."),
    ("connection reset", "the server broke the connection off."),
    ("disconnected without", "the server broke the connection off."),
    ("unreachable", "there is no way from here to that network; check the address, firewalls and proxies."),
    ("no route to host", "there is no way from here to that server; check the address and firewalls."),
    ("certificate has expired", "its certificate has expired."),
    (
        "self-signed",
        "its certificate comes from nobody known here; TOCSIN_CA_BUNDLE names who else is trusted.",
    ),
    ("hostname mismatch", "its certificate is for another name than the address has."),
    ("ip address mismatch", "its certificate is for another name than the address has."),
    (
        "unable to get local issuer",
        "its certificate comes from nobody known here; TOCSIN_CA_BUNDLE names who else is trusted.",
    ),
    ("wrong version number", "the server does not speak https at this port."),
    ("record layer failure", "the server does not speak https at this port."),
)


def _why(error: Exception) -> str:
    said = str(error)
    return next((words for sign, words in _WORDS if sign in said.lower()), said or type(error).__name__)


_SECRET_PART: Final = re.compile(r"[^/]{24,}|bot\d+:[^/]*")


def _shown(url: str) -> str:
    """Without query, credentials and what in a path may be a key (a bot's token, a webhook's own name)."""
    parts = urlsplit(url)
    path = _SECRET_PART.sub("…", parts.path)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{path}"
