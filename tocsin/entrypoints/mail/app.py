"""Mail for integrations, by SMTP: `<key>@any.domain`, or `<name>+<key>@any.domain`.

Each mail goes through the same door as a request does, so that it is spooled, counted and, where it must be,
refused like one; this only speaks SMTP. What cannot be taken now is answered with 451: senders try again.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from aiosmtpd.smtp import SMTP, Envelope, Session

from tocsin.lib import metrics
from tocsin.lib.log import Logger

MOST_BYTES: Final = 1024 * 1024
_MOST_CONNECTIONS: Final = 200
_MOST_RECIPIENTS: Final = 20
_QUIET_S: Final = 60.0
_AGAIN_S: Final = 10.0
_KEY_DIGITS: Final = 32
_ACCEPTED: Final = range(200, 300)
_LATER: Final = frozenset({408, 429, 500, 502, 503, 504})

_log = Logger(__name__)
_mails = metrics.counter("mail_in", "Mails that came in, by answer", ("answer",))

# What a key opens: the kind of integration, "" for nothing. Raises whatever says that it cannot be known now.
Opens = Callable[[str], Awaitable[str]]
# Hands a mail to the door: (kind, key, the mail) → status and words, as of HTTP.
Deliver = Callable[[str, str, bytes], Awaitable[tuple[int, str]]]


class Options(Protocol):
    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...

    @property
    def tls(self) -> ssl.SSLContext | None: ...

    @property
    def hostname(self) -> str: ...


class Handler:
    """aiosmtpd's hooks."""

    def __init__(self, opens: Opens, deliver: Deliver) -> None:
        self._opens, self._deliver = opens, deliver

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it by this name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients; send the others in a mail of their own"
        key = key_of(address)
        try:
            kind = await self._opens(key) if key else ""
        except Exception:  # noqa: BLE001 - the database is away, whatever way it says so
            return "451 4.3.0 The address cannot be looked up now; try again"
        if kind != "email":
            _mails.labels("unknown").inc()
            return "550 5.1.1 No integration for mail has this address"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - same
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        mail = b"Return-Path: <%b>\r\n" % _header(envelope.mail_from) + content
        for key in dict.fromkeys(map(key_of, envelope.rcpt_tos)):
            try:
                status, words = await self._deliver("email", key, mail)
            except Exception as error:  # noqa: BLE001 - whatever it was, the sender still has the mail
                _log.exception("a mail could not be handed over", error=str(error))
                status, words = 500, ""
            answer = _answer(status, words)
            if answer:
                _mails.labels(answer[:3]).inc()
                return answer
        _mails.labels("250").inc()
        return "250 OK: accepted"


class _Protocol(SMTP):
    """As many connections as there is room for."""

    line_length_limit = 256 * 1024  # HTML mails of some tools are one line
    open_now = 0
    _counted = False

    def connection_made(self, transport: Any) -> None:
        # Said again by aiosmtpd once STARTTLS has made it another transport.
        _Protocol.open_now += not self._counted
        self._counted = True
        if _Protocol.open_now > _MOST_CONNECTIONS:
            transport.write(b"421 4.3.2 Too many connections; try again\r\n")
            transport.close()
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        _Protocol.open_now -= self._counted
        self._counted = False
        super().connection_lost(error)


class Mailroom:
    """`start` it inside the running loop; `stop` before the door is closed."""

    def __init__(self, options: Options, opens: Opens, deliver: Deliver) -> None:
        self._options = options
        self._handler = Handler(opens, deliver)
        self._server: asyncio.Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """0 while it does not listen."""
        sockets = self._server.sockets if self._server else ()
        return int(sockets[0].getsockname()[1]) if sockets else 0

    async def start(self) -> None:
        """A port that cannot be had now keeps nothing else from starting: it is asked for again."""
        if not await self._listen():
            self._task = asyncio.create_task(self._keep_trying(), name="mail-listener")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._server is not None:
            self._server.close()

    async def _keep_trying(self) -> None:
        while True:
            await asyncio.sleep(_AGAIN_S)
            if await self._listen():
                return

    async def _listen(self) -> bool:
        loop = asyncio.get_running_loop()
        host, port = self._options.host, self._options.port
        try:
            self._server = await loop.create_server(lambda: self._protocol(loop), host, port)
        except OSError as error:
            _log.error("cannot listen for mail; trying again", host=host, port=port, error=str(error))
            return False
        _log.info("listening for mail", host=host, port=self.port)
        return True

    def _protocol(self, loop: asyncio.AbstractEventLoop) -> SMTP:
        return _Protocol(
            self._handler,
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            hostname=self._options.hostname,
            ident="Tocsin",
            tls_context=self._options.tls,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            timeout=_QUIET_S,
            loop=loop,
        )


def key_of(address: str) -> str:
    """The key in an address; "" where there is none."""
    local = address.strip().strip("<>").rpartition("@")[0] or address
    key = local.rpartition("+")[2].lower()
    return key if len(key) == _KEY_DIGITS and all(c in "0123456789abcdef" for c in key) else ""


def _answer(status: int, words: str) -> str:
    """ "" for what was accepted."""
    said = " ".join(words.encode("ascii", "replace").decode().split())[:300]
    if status in _ACCEPTED:
        return ""
    if status in _LATER:
        return f"451 4.3.0 Not accepted now; try again. {said}".rstrip()
    if status == 413:  # noqa: PLR2004 - HTTP's "too large"
        return "552 5.3.4 The mail is too large"
    return f"550 5.6.0 {said or 'Refused'}"


def _header(address: str | None) -> bytes:
    return "".join(c for c in address or "" if c.isprintable() and c not in "<>").encode("utf-8", "replace")
