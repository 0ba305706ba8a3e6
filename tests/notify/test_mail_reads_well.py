import socket
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from urllib.parse import urlsplit

import pytest

from tocsin.adapters.console.channel import ConsoleChannel
from tocsin.adapters.email.channel import EmailChannel, Server
from tocsin.adapters.email.render import html, render, subject_line, text
from tocsin.domain.errors import Invalid
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.severity import Severity, Urgency
from tocsin.lib import clock
from tocsin.ports.channel import Action, Message, Result
from tocsin.testing.mailbox import Mailbox, free_port

MESSAGE = Message(
    key="01890000-aaaa-7bbb-8ccc-000000000001",
    kind=MessageKind.PAGE,
    address="alice@example.com",
    recipient="Alicé, on call",
    subject=Subject(12, "INC-12", "HTTP 5xx over 5 %", Severity.SEV1, "checkout"),
    urgency=Urgency.HIGH,
    headline="HTTP 5xx over 5 %",
    lines=("Half of all payments fail <b>now</b>.", "Why you: on call for payments"),
    actions=(
        Action("acknowledge", "Acknowledge", "https://t.example.com/a/x.y?z=1&q=2"),
        Action("view", "Open the incident", "https://t.example.com/a/v"),
    ),
    thread="incident-12",
)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


def channel(port: int) -> EmailChannel:
    return EmailChannel(Server("127.0.0.1", port), "Tocsin <tocsin@example.com>", "t.example.com")


def always() -> bool:
    return True


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (MessageKind.PAGE, "[SEV1] checkout: HTTP 5xx over 5 % (INC-12)"),
        (MessageKind.STAKEHOLDER, "[SEV1] checkout: HTTP 5xx over 5 % (INC-12)"),
        (MessageKind.RESOLVED, "Resolved: [SEV1] checkout: HTTP 5xx over 5 % (INC-12)"),
        (MessageKind.NUDGE, "Still on it? [SEV1] checkout: HTTP 5xx over 5 % (INC-12)"),
    ],
)
def test_the_subject_says_what_matters_first(kind: MessageKind, expected: str) -> None:
    assert subject_line(replace(MESSAGE, kind=kind)) == expected


def test_a_title_from_outside_adds_no_header() -> None:
    evil = replace(
        MESSAGE, subject=replace(MESSAGE.subject, title="x\r\nBcc: eve@example.com\x00" + "y" * 999)
    )
    mail = message_from_bytes(render(evil, "Tocsin <t@e.com>", "e.com", clock.now()), policy=policy.default)
    assert mail["Bcc"] is None
    assert str(mail["Subject"]).endswith("… (INC-12)")
    assert len(str(mail["Subject"])) <= 180


def test_the_text_holds_the_reason_and_every_link() -> None:
    plain = text(MESSAGE)
    assert "Why you: on call for payments" in plain
    assert "Acknowledge        https://t.example.com/a/x.y?z=1&q=2\n" in plain
    assert "INC-12 · SEV1 · checkout · high urgency" in plain


def test_the_html_escapes_what_came_from_outside() -> None:
    page = html(MESSAGE)
    assert "&lt;b&gt;now&lt;/b&gt;" in page
    assert "https://t.example.com/a/x.y?z=1&amp;q=2" in page
    assert "color-scheme" in page


def test_it_sends_over_one_kept_connection(mailbox: Mailbox) -> None:
    sender = channel(urlsplit(mailbox.url).port or 0)
    for number in range(3):
        receipt = sender.send(replace(MESSAGE, key=f"k{number}"), always)
        assert (receipt.result, receipt.counts) == (Result.SENT, True)
    sender.hang_up()
    assert [mail.to for mail in mailbox.mails] == ["alice@example.com"] * 3
    first = mailbox.mails[0].message
    assert first["Message-ID"] == "<k0@t.example.com>"
    assert {m.message["References"] for m in mailbox.mails} == {"<incident-12@t.example.com>"}
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["List-Id"] == "Tocsin <pages.t.example.com>"
    assert "Alicé" in str(first["To"])
    assert "https://t.example.com/a/v" in mailbox.mails[0].links()


def test_a_kept_line_that_the_server_closed_meanwhile_costs_nothing(mailbox: Mailbox) -> None:
    sender = channel(urlsplit(mailbox.url).port or 0)
    assert sender.send(replace(MESSAGE, key="k0"), always).result is Result.SENT
    line = sender._line.connection
    assert line
    assert line.sock
    line.sock.shutdown(socket.SHUT_RDWR)
    assert sender.send(replace(MESSAGE, key="k1"), always).result is Result.SENT
    sender.hang_up()
    assert [mail.key for mail in mailbox.mails] == ["<k0@t.example.com>", "<k1@t.example.com>"]


def test_nothing_leaves_that_is_not_wanted_any_more(mailbox: Mailbox) -> None:
    sender = channel(urlsplit(mailbox.url).port or 0)
    assert sender.send(MESSAGE, lambda: False).result is Result.WITHDRAWN
    sender.hang_up()
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("answer", "result", "bounced", "theirs"),
    [
        ("451 later", Result.RETRY, False, True),
        ("421 closing", Result.RETRY, False, False),
        ("535 5.7.8 who are you", Result.RETRY, False, False),
        ("550 no such person", Result.FAILED, False, True),
        ("550 5.1.1 no such mailbox", Result.FAILED, True, True),
        ("550 5.1.10 no such recipient", Result.FAILED, True, True),
        ("554 5.7.1 looks like spam", Result.FAILED, False, True),
        ("451 4.1.1 not just now", Result.RETRY, False, True),
        ("550 5.1.18 nobody knows this code", Result.FAILED, False, True),
    ],
)
def test_a_refusal_is_passing_or_final_and_says_whose_fault_it_is(
    mailbox: Mailbox,
    answer: str,
    result: Result,
    bounced: bool,  # noqa: FBT001 - a column of the table
    theirs: bool,  # noqa: FBT001 - a column of the table
) -> None:
    mailbox.reply = lambda _address: answer
    sender = channel(urlsplit(mailbox.url).port or 0)
    receipt = sender.send(MESSAGE, always)
    assert (receipt.result, receipt.detail) == (result, answer)
    assert (receipt.bounced, receipt.theirs) == (bounced, theirs)
    mailbox.reply = lambda _address: None
    assert sender.send(MESSAGE, always).result is Result.SENT
    sender.hang_up()


def test_no_server_means_later(mailbox: Mailbox) -> None:
    receipt = channel(free_port()).send(MESSAGE, always)
    assert (receipt.result, receipt.theirs) == (Result.RETRY, False)


def test_an_address_that_cannot_be_written_is_final() -> None:
    assert channel(1).send(replace(MESSAGE, address="no address"), always).result is Result.FAILED


@pytest.mark.parametrize("address", ["", "alice", "a b@example.com", "a@b@c", "<a@example.com>", "a@-"])
def test_an_address_is_checked(address: str) -> None:
    with pytest.raises(Invalid):
        channel(1).check_address(address)


def test_an_address_is_kept_in_lower_case() -> None:
    assert channel(1).check_address(" Alice@Example.com ") == "alice@example.com"


def test_the_console_twin_keeps_the_mail_and_reaches_nobody() -> None:
    kept: list[tuple[str, str, str, str]] = []
    twin = ConsoleChannel(lambda *mail: kept.append(mail), lambda m: (subject_line(m), text(m), html(m)))
    receipt = twin.send(MESSAGE, always)
    assert (receipt.result, receipt.counts) == (Result.SENT, False)
    assert kept[0][:2] == ("alice@example.com", subject_line(MESSAGE))
    assert not twin.counts


def test_an_update_tells_mail_programs_the_way_out_and_a_page_does_not() -> None:
    url = "https://t.example.com/a/following/eyJ1IjoiYSJ9.c2ln"
    out = (Action("unfollow", "Stop these updates", url),)
    update = replace(MESSAGE, kind=MessageKind.UPDATE, urgency=Urgency.LOW, actions=out)

    def headers(message: Message) -> tuple[str | None, str | None]:
        mail = message_from_bytes(
            render(message, "Tocsin <tocsin@example.com>", "t.example.com", clock.now()),
            policy=policy.default,
        )
        return mail["List-Unsubscribe"], mail["List-Unsubscribe-Post"]

    assert headers(update) == (f"<{url}>", "List-Unsubscribe=One-Click")
    plain = replace(update, actions=(Action("unfollow", "Stop", url.replace("https", "http")),))
    assert headers(plain) == (f"<{url.replace('https', 'http')}>", None)
    assert headers(replace(update, actions=())) == (None, None)
    assert headers(replace(update, actions=(Action("unfollow", "x", f"{url}>\r\nBcc: <x"),))) == (None, None)
    assert headers(MESSAGE) == (None, None)
