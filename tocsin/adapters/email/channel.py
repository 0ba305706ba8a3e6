"""E-mail over SMTP (RFC 5321). Connections are kept, one for each thread that sends.

The Message-ID is the idempotency key: a mail that leaves twice after a crash has the same one.
"""

import re
import smtplib
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path

from tocsin.adapters.email.render import render
from tocsin.domain.errors import FieldError, Invalid
from tocsin.lib import clock
from tocsin.ports.channel import ADDRESS, PLAIN, FieldSpec, Message, Receipt, Result, StillWanted

_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
_TIMEOUT_S = 10.0
_IDLE_S = 30.0  # servers close idle connections; asking first costs one round trip
_LONGEST_ADDRESS = 254
_PERMANENT = 500
_CLOSING = 421
# Enhanced status codes (RFC 3463, 3.2) that say there is no such mailbox, or domain, or that it has moved.
_NOBODY = re.compile(r"5\.1\.(?:1|2|6|10)\b")


@dataclass(frozen=True)
class Server:
    """`tls`: "none", "starttls" or "tls"."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: str = "none"
    ca_bundle: Path | None = None


class _Line(threading.local):
    connection: smtplib.SMTP | None = None
    used_at: float = 0.0


class EmailChannel:
    type = "email"
    title = "E-mail"
    fields: Sequence[FieldSpec] = ()
    counts = True
    abilities = PLAIN
    address = ADDRESS

    def __init__(self, server: Server, sender: str, domain: str) -> None:
        self._server, self._sender, self._domain = server, sender, domain
        self._envelope_sender = parseaddr(sender)[1]
        self._line = _Line()

    @property
    def ready(self) -> str:
        return ""

    def check_address(self, address: str) -> str:
        return check_address(address)

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        try:
            body = render(message, self._sender, self._domain, clock.now())
        except (ValueError, LookupError) as error:
            return Receipt(Result.FAILED, f"The mail cannot be written: {error}")
        try:
            return self._hand_over(body, message.address, still_wanted)
        except smtplib.SMTPResponseException as error:
            self.hang_up()
            return _refused(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            self.hang_up()
            where = f"{self._server.host}:{self._server.port}"
            return Receipt(Result.RETRY, f"{where}: {str(error) or type(error).__name__}", theirs=False)

    def _hand_over(self, body: bytes, to: str, still_wanted: StillWanted) -> Receipt:
        connection, code, answer = self._begun()
        if code // 100 == 2:  # noqa: PLR2004 - SMTP's class of success
            code, answer = connection.rcpt(to)
        if code // 100 != 2:  # noqa: PLR2004 - same
            connection.rset()
            return _refused(code, answer)
        try:
            wanted = still_wanted()
        except BaseException:
            # The server waits for a mail that will not come.
            self.hang_up()
            raise
        if not wanted:
            connection.rset()
            return Receipt(Result.WITHDRAWN, "no longer wanted")
        code, answer = connection.data(body)
        self._line.used_at = clock.monotonic()
        if code // 100 != 2:  # noqa: PLR2004 - same
            return _refused(code, answer)
        return Receipt(Result.SENT, f"{code} {_shown(answer)}"[:500])

    def _begun(self) -> tuple[smtplib.SMTP, int, bytes]:
        """A server may have closed a kept line meanwhile: nothing has left by then, so another is opened."""
        kept = self._line.connection
        connection = self._connected()
        try:
            code, answer = connection.mail(self._envelope_sender)
        except (smtplib.SMTPServerDisconnected, OSError):
            if connection is not kept:
                raise
            code, answer = _CLOSING, b""
        if code == _CLOSING and connection is kept:
            self.hang_up()
            connection = self._connected()
            code, answer = connection.mail(self._envelope_sender)
        return connection, code, answer

    def _connected(self) -> smtplib.SMTP:
        line = self._line
        if line.connection is not None and clock.monotonic() - line.used_at > _IDLE_S:
            with suppress(smtplib.SMTPException, OSError):
                if line.connection.noop()[0] == 250:  # noqa: PLR2004 - SMTP's OK
                    return line.connection
            self.hang_up()
        if line.connection is None:
            line.connection = self._dial()
            line.used_at = clock.monotonic()
        return line.connection

    def _dial(self) -> smtplib.SMTP:
        server = self._server
        make: Callable[..., smtplib.SMTP] = smtplib.SMTP
        options: dict[str, object] = {"timeout": _TIMEOUT_S}
        if server.tls == "tls":
            make, options["context"] = smtplib.SMTP_SSL, self._context()
        connection = make(server.host, server.port, **options)
        try:
            if server.tls == "starttls":
                connection.starttls(context=self._context())
            connection.ehlo_or_helo_if_needed()
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _context(self) -> ssl.SSLContext:
        bundle = self._server.ca_bundle
        return ssl.create_default_context(cafile=str(bundle) if bundle else None)

    def hang_up(self) -> None:
        """Close this thread's connection; the next message opens another."""
        connection, self._line.connection = self._line.connection, None
        if connection is not None:
            connection.close()


def check_address(address: str) -> str:
    """Lower case, one address, no display name. Raises Invalid."""
    address = address.strip().lower()
    if len(address) > _LONGEST_ADDRESS or not address.isascii() or not _ADDRESS.fullmatch(address):
        raise Invalid(FieldError("address", "Expected an e-mail address such as alice@example.com."))
    return address


def _refused(code: int, answer: bytes | str) -> Receipt:
    # 5xx is for good (RFC 5321, 4.2.1), except where the server refuses us rather than this mail.
    ours = code in {530, 534, 535, 538}
    result = Result.FAILED if code >= _PERMANENT and not ours else Result.RETRY
    text = _shown(answer)
    # Closing the line, or refusing us, is no word about this mail.
    return Receipt(
        result,
        f"{code} {text}"[:500],
        bounced=result is Result.FAILED and _NOBODY.match(text.strip()) is not None,
        theirs=not ours and code != _CLOSING,
    )


def _shown(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
