"""A real SMTP server that keeps what it is given: the mailbox of a rehearsal.

It can be told to refuse, for now or for good, so that faults can be played.
"""

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self

import click
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tocsin.lib import clock


def free_port() -> int:
    """A loopback port that nobody holds right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Mail:
    """One mail as the server took it. `at` is seconds of the monotonic clock."""

    to: str
    message: EmailMessage
    at: float

    @property
    def key(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        return str(part.get_content()) if part else ""

    @property
    def html(self) -> str:
        part = self.message.get_body(("html",))
        return str(part.get_content()) if part else ""

    def links(self) -> list[str]:
        return re.findall(r"https?://[^\s<>\"]+", self.text)


@dataclass
class Mailbox:
    """`with Mailbox() as box:` — then `box.url` goes into TOCSIN_SMTP_URL.

    `reply` may be set to a full SMTP answer ("451 later", "550 no such person") per recipient; None accepts.
    """

    reply: Callable[[str], str | None] = lambda _address: None
    port: int = 0  # 0: any that is free
    mails: list[Mail] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _controller: Controller | None = None

    async def handle_RCPT(  # noqa: N802  (the name aiosmtpd asks for)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.reply(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  (aiosmtpd)
        message = message_from_bytes(envelope.content or b"", policy=policy.default)  # type: ignore[arg-type]  # bytes by default
        with self._news:
            now = clock.monotonic()
            self.mails += [Mail(to, message, now) for to in envelope.rcpt_tos]
            self._news.notify_all()
        return "250 taken"

    def wait(self, wanted: Callable[[Mail], bool], seconds: float = 20) -> Mail:
        """The first mail that is `wanted`, now or within `seconds`; TimeoutError otherwise."""
        end = clock.monotonic() + seconds
        with self._news:
            while True:
                for mail in self.mails:
                    if wanted(mail):
                        return mail
                left = end - clock.monotonic()
                if left <= 0:
                    subjects = [(mail.to, mail.subject) for mail in self.mails]
                    raise TimeoutError(f"no such mail; there are {subjects}")
                self._news.wait(left)

    @property
    def url(self) -> str:
        if self._controller is None:
            raise RuntimeError("the mailbox is not running")
        return f"smtp://127.0.0.1:{self._controller.port}"

    def __enter__(self) -> Self:
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port or free_port(), ready_timeout=30
        )
        self._controller.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


@click.command()
@click.option("--port", default=2525, show_default=True, help="Where to listen, on loopback.")
def main(*, port: int) -> None:
    """A mailbox for a rehearsal: prints every mail that comes in, until Ctrl-C."""
    with Mailbox(port=port) as box:
        click.echo(f"Listening. Start Tocsin with TOCSIN_SMTP_URL={box.url}")
        shown = 0
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                clock.sleep(0.2)
                for mail in box.mails[shown:]:
                    shown += 1
                    click.echo(f"\n—— to {mail.to}: {mail.subject}\n{mail.text.strip()}")


if __name__ == "__main__":
    main()
