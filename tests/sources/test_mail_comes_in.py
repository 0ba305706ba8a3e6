"""By SMTP, into the log, as a request would."""

import asyncio
import smtplib
import ssl
import tempfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import TypeVar

import pytest

from tests.compat.pagerduty_tls import certificate
from tests.ingest.conftest import Options, database_url
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations.models import Event
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.config.mailin import MailIn
from tocsin.config.mailroom import hand_over
from tocsin.domain.permissions import SYSTEM
from tocsin.entrypoints.ingest import Door, build
from tocsin.entrypoints.mail import app
from tocsin.entrypoints.mail.app import MOST_BYTES, Mailroom, key_of
from tocsin.lib.clock import now

KEY = "d" * 32
OTHER = "e" * 32
T = TypeVar("T")


@pytest.fixture
def integration(transactional_db: None) -> None:
    for name, kind, key in (("old box", "email", KEY), ("json", "generic", OTHER)):
        integrations.save_integration(actor=SYSTEM, spec=IntegrationSpec(name, kind, key=key), now=now())


def run(deed: Callable[[smtplib.SMTP], T], url: str = "", certificate: Path | None = None) -> T:
    """`deed` with a client of a listener whose door stands before the test's database, or `url`."""

    async def serve() -> T:
        door = build(Options(url or database_url(), Path(tempfile.mkdtemp(prefix="tocsin-mail-"))))
        await door.start()
        room = Mailroom(
            MailIn("127.0.0.1", 0, "mail.test", certificate, certificate), door.kind_of, _deliver(door)
        )
        await room.start()
        try:
            return await asyncio.to_thread(_client, room.port, deed)
        finally:
            await room.stop()
            await door.stop()

    return asyncio.run(serve())


def _deliver(door: Door) -> app.Deliver:
    async def deliver(kind: str, key: str, mail: bytes) -> tuple[int, str]:
        return await hand_over(door, f"/ingest/{kind}/{key}", mail)

    return deliver


def _client(port: int, deed: Callable[[smtplib.SMTP], T]) -> T:
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        return deed(client)


def mail(subject: str = "PROBLEM: disk full on db1", text: str = "92 %") -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = subject, "nagios@box.example", "x@y.example"
    made.set_content(text)
    return made


def send(to: str, made: EmailMessage | None = None) -> Callable[[smtplib.SMTP], object]:
    return lambda client: client.send_message(made or mail(), "nagios@box.example", [to])


@pytest.mark.parametrize(
    "address", [f"{KEY}@alerts.example.com", f"Old-Box+{KEY}@anything.example", f"{KEY.upper()}@x.example"]
)
def test_a_mail_to_an_address_with_the_key_is_an_event(integration: None, address: str) -> None:
    assert run(send(address)) == {}
    event = Event.objects.get()
    assert (event.action, event.dedup_key) == ("trigger", "disk full on db1")


def test_trigger_and_recovery_have_one_key(integration: None) -> None:
    run(send(f"{KEY}@x.example"))
    run(send(f"{KEY}@x.example", mail("Re: [RESOLVED] disk full on db1")))
    assert list(Event.objects.order_by("id").values_list("action", "dedup_key")) == [
        ("trigger", "disk full on db1"),
        ("resolve", "disk full on db1"),
    ]


@pytest.mark.parametrize("address", [f"{'f' * 32}@x.example", f"{OTHER}@x.example", "postmaster@x.example"])
def test_any_other_address_is_refused_for_good(integration: None, address: str) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        run(send(address))
    assert caught.value.recipients[address][0] == 550
    assert not Event.objects.exists()


def test_a_mail_that_is_too_large_is_refused_for_good(integration: None) -> None:
    large = mail(text="x" * 900 + "\n" * 10).as_bytes() + (b"y" * 70 + b"\r\n") * 16_000

    def deed(client: smtplib.SMTP) -> tuple[int, bytes]:
        client.ehlo()
        client.mail("a@b.example")
        client.rcpt(f"{KEY}@x.example")
        return client.data(large)

    assert len(large) > MOST_BYTES
    assert run(deed)[0] == 552
    assert not Event.objects.exists()


def test_while_nothing_can_be_looked_up_the_sender_keeps_the_mail(integration: None) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        run(send(f"{KEY}@x.example"), url="postgresql://nobody@127.0.0.1:1/none")
    assert caught.value.recipients[f"{KEY}@x.example"][0] == 451


def test_one_mail_for_two_addresses_of_one_key_is_one_event(integration: None) -> None:
    def deed(client: smtplib.SMTP) -> object:
        return client.send_message(mail(), "a@b.example", [f"{KEY}@x.example", f"box+{KEY}@x.example"])

    assert run(deed) == {}
    assert Event.objects.get().count == 1


def test_an_automatic_reply_is_taken_and_forgotten(integration: None) -> None:
    made = mail("Out of office")
    made["Auto-Submitted"] = "auto-replied"
    assert run(send(f"{KEY}@x.example", made)) == {}
    assert not Event.objects.exists()


def encrypted(client: smtplib.SMTP, authority: Path) -> object:
    """`client` after STARTTLS; it trusts nobody but the test's own authority."""
    client.starttls(context=ssl.create_default_context(cafile=str(authority)))
    assert isinstance(client.sock, ssl.SSLSocket)
    return client.send_message(mail(), "nagios@box.example", [f"{KEY}@x.example"])


def test_a_mail_comes_in_over_tls(integration: None, tmp_path: Path) -> None:
    authority = certificate(tmp_path)

    def deed(client: smtplib.SMTP) -> object:
        client.ehlo()
        assert client.has_extn("starttls")
        return encrypted(client, authority)

    assert run(deed, certificate=authority) == {}
    assert Event.objects.get().dedup_key == "disk full on db1"


def test_nobody_is_offered_tls_without_a_certificate(integration: None) -> None:
    def deed(client: smtplib.SMTP) -> bool:
        client.ehlo()
        return client.has_extn("starttls")

    assert run(deed) is False


def test_what_was_said_before_tls_counts_for_nothing_after_it(integration: None, tmp_path: Path) -> None:
    authority = certificate(tmp_path)

    def deed(client: smtplib.SMTP) -> int:
        client.ehlo()
        client.mail("a@b.example")
        client.rcpt(f"{KEY}@x.example")
        client.starttls(context=ssl.create_default_context(cafile=str(authority)))
        client.ehlo()
        return client.data(mail().as_bytes())[0]

    with pytest.raises(smtplib.SMTPDataError) as caught:
        run(deed, certificate=authority)
    assert caught.value.smtp_code == 503
    assert not Event.objects.exists()


def test_connections_over_tls_are_counted_once(
    integration: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = certificate(tmp_path)
    monkeypatch.setattr(app, "_MOST_CONNECTIONS", 3)

    def deed(client: smtplib.SMTP) -> None:
        assert client.sock is not None
        host, port = client.sock.getpeername()
        for _ in range(6):
            with smtplib.SMTP(host, port, timeout=20) as another:
                encrypted(another, authority)

    run(deed, certificate=authority)
    assert sum(event.count for event in Event.objects.all()) == 6


def test_keys_are_found_in_addresses() -> None:
    assert key_of(f"<a+b+{KEY}@x.example>") == KEY
    assert [key_of(each) for each in ("", "@", "a@b", f"{KEY}x@y", "ü" * 32 + "@x")] == [""] * 5
