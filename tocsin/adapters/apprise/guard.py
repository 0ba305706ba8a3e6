"""Our rules of lib.http, for a library that makes its own connections.

Apprise's services call `requests`, and that calls urllib3's one function for opening a connection, at each
redirect anew. Both are replaced once, and behave as ever outside `guarded()`. Inside, each address is checked
as lib.http checks it and connected to exactly as checked; the proxy and the certificates of the settings are
used in place of those of the process's environment.
"""

import ipaddress
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore
import requests
from urllib3.util import connection

from tocsin.lib import http

_plain_connect: Final = connection.create_connection
_plain_settings: Final = requests.Session.merge_environment_settings
_current: ContextVar["Watch | None"] = ContextVar("watch", default=None)


@dataclass
class Watch:
    """What was refused while one message left."""

    refused: list[str] = field(default_factory=list)


@contextmanager
def guarded() -> Iterator[Watch]:
    """In this thread."""
    watch = Watch()
    token = _current.set(watch)
    try:
        yield watch
    finally:
        _current.reset(token)


def _connect(address: tuple[str, int], *args: Any, **options: Any) -> socket.socket:
    watch = _current.get()
    if watch is None:
        return _plain_connect(address, *args, **options)
    host, port = address
    policy = http.policy()
    proxied = bool(policy.proxy) and host == urlsplit(policy.proxy).hostname
    last: Exception | None = None
    try:
        for found in http.resolve(host, port):
            http.check_address(found, allow_private=policy.allow_private or proxied)
            try:
                return _plain_connect((str(found), port), *args, **options)
            except OSError as error:
                last = error
    except http.RefusedError as error:
        watch.refused.append(str(error))
        raise OSError(str(error)) from error
    except httpcore.ConnectError as error:
        raise OSError(str(error)) from error
    raise last or OSError(f"{host} has no address")


def _settings(
    session: requests.Session, url: str, proxies: Any, stream: Any, verify: Any, cert: Any
) -> Mapping[str, Any]:
    watch = _current.get()
    if watch is None:
        return _plain_settings(session, url, proxies, stream, verify, cert)
    policy = http.policy()
    with suppress(ValueError):
        # Behind a proxy nothing else looks at a literal address.
        host = ipaddress.ip_address(urlsplit(url).hostname or "")
        try:
            http.check_address(host, allow_private=policy.allow_private)
        except http.RefusedError as error:
            watch.refused.append(str(error))
            raise requests.ConnectionError(str(error)) from error
    trusted = str(policy.ca_bundle) if policy.ca_bundle else True
    return {
        "proxies": {"https": policy.proxy} if policy.proxy else {},
        "stream": bool(stream),
        "verify": trusted if verify in {True, None} else verify,
        "cert": cert,
    }


connection.create_connection = _connect
requests.Session.merge_environment_settings = _settings  # type: ignore[method-assign,assignment]  # see above
