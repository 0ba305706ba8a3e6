"""What leaves as an SMS: the table of texts."""

from dataclasses import replace

import pytest

from tests.telephony.messages import LINK, message
from tocsin.adapters.phone import alphabet, words
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.severity import Severity
from tocsin.ports.channel import Action, Listed, Message

LISTED = (
    Listed("INC-12", "Cards fail", "SEV1", "checkout"),
    Listed("INC-14", "Disk full", "SEV2", "database"),
)
HELP = (Action("accept", "Accept", LINK), Action("decline", "Decline", LINK))

TEXTS = [
    (message(), f"SEV1 checkout: Cards fail. Reply ack 12, res 12 or esc 12. {LINK}"),
    (
        message(MessageKind.STAKEHOLDER),
        f"For your information: SEV1 checkout: Cards fail. Reply ack 12 when seen. {LINK}",
    ),
    (
        replace(message(lines=("Come", "Why you: asked to help")), actions=HELP),
        f"Help wanted. SEV1 checkout: Cards fail. Come. Reply accept 12 or decline 12. {LINK}",
    ),
    (
        replace(message(), listed=LISTED),
        "2 incidents: INC-12 SEV1 checkout: Cards fail; INC-14 SEV2 database: Disk full. Reply ack all. "
        + LINK,
    ),
    (
        message(MessageKind.NUDGE, headline="Still on it?", lines=()),
        f"INC-12 checkout: Still on it? Reply ack 12 or res 12. {LINK}",
    ),
    (
        message(MessageKind.RESOLVED, headline="Resolved: all alerts are over", lines=()),
        f"INC-12 checkout: Resolved: all alerts are over. {LINK}",
    ),
    (
        message(MessageKind.TEST, incident=False, headline="Test page: nothing is wrong"),
        "Test page: nothing is wrong. Reply ack to confirm.",
    ),
    (
        message(MessageKind.CODE, incident=False, headline="Your code for Tocsin: 123456"),
        "Your code for Tocsin: 123456",
    ),
    (
        message(
            MessageKind.DUTY, incident=False, headline="You are on call from 09:00", lines=("Until Monday",)
        ),
        "You are on call from 09:00. Until Monday",
    ),
]


@pytest.mark.parametrize(("given", "text"), TEXTS, ids=[str(one.kind) for one, _ in TEXTS])
def test_each_kind_says_what_is_wrong_and_how_to_answer(given: Message, text: str) -> None:
    assert words.text(given) == text


@pytest.mark.parametrize("kind", list(MessageKind))
@pytest.mark.parametrize("title", ["x" * 5000, "ü€[]" * 900, "щ" * 900, "🔥" * 900, ""])
def test_no_text_is_longer_than_three_segments(kind: MessageKind, title: str) -> None:
    said = words.text(message(kind, title=title, headline=title, lines=(title, title)))
    assert alphabet.segments(said) <= words.SEGMENTS
    assert LINK in said or "http" not in said


def test_the_title_gives_way_to_the_answer_and_the_link() -> None:
    said = words.text(message(title="Cards fail " * 100))
    assert said.endswith(f"... Reply ack 12, res 12 or esc 12. {LINK}")
    assert alphabet.segments(said) == words.SEGMENTS
    assert alphabet.length(said) > alphabet.room(said, words.SEGMENTS) - 5  # as much of it as fits


def test_a_long_link_stays_out_where_it_would_leave_no_words() -> None:
    long = f"https://tocsin.example.com/a/{'x' * 150}"
    said = words.text(message(title="Оплата не проходит " * 20, link=long))
    assert "http" not in said
    assert "Reply ack 12" in said
    assert alphabet.segments(said) <= words.SEGMENTS


def test_what_has_a_likeness_in_the_alphabet_costs_no_double() -> None:
    said = words.text(message(title="Číslo “5” — down…"))
    assert 'Cislo "5" - down...' in said
    assert alphabet.is_gsm(said)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("щ" * 70, 1),
        ("щ" * 71, 2),
        ("🔥" * 35, 1),
        ("🔥" * 36, 2),
    ],
)
def test_segments_are_counted_as_carriers_do(text: str, segments: int) -> None:
    assert alphabet.segments(text) == segments


def test_severities_of_others_are_no_matter() -> None:
    assert words.text(message(severity=Severity.SEV3)).startswith("SEV3 checkout: ")


@pytest.mark.parametrize("given", [one for one, _ in TEXTS], ids=[str(one.kind) for one, _ in TEXTS])
def test_where_no_reply_arrives_none_is_asked_for_and_the_link_stays(given: Message) -> None:
    said = words.text(given, replies=False)
    assert "Reply" not in said
    assert (LINK in said) == bool(given.actions)


def test_a_link_that_is_the_only_way_to_answer_stays_in_every_script() -> None:
    long = f"https://tocsin.example.com/a/{'x' * 120}"
    said = words.text(message(title="Оплата не проходит " * 20, link=long), replies=False)
    assert said.endswith(long)
    assert alphabet.segments(said) <= words.SEGMENTS


def test_colours_of_a_terminal_do_not_halve_the_text() -> None:
    said = words.text(message(title="\x1b[31mCards fail\x07"))
    assert "Cards fail" in said
    assert alphabet.is_gsm(said)
