"""What a call says, and which keys it takes."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from tests.telephony.messages import LINK, message
from tocsin.adapters.phone import words
from tocsin.adapters.plivo import markup
from tocsin.adapters.twilio import twiml
from tocsin.domain.notification.model import MessageKind
from tocsin.ports.channel import Action, Listed, Message

HELP = (Action("accept", "Accept", LINK), Action("decline", "Decline", LINK))
READY = (Action("ready", "I am ready", LINK),)
LISTED = (Listed("INC-12", "Cards fail", "SEV1", "checkout"), Listed("INC-14", "Full", "SEV2", "database"))

MENUS = [
    (message(), "1 acknowledge, 2 resolve, 3 escalate"),
    (message(MessageKind.STAKEHOLDER), "1 acknowledge"),
    (replace(message(), actions=HELP), "1 accept, 2 decline"),
    (replace(message(), listed=LISTED), "1 acknowledge"),
    (message(MessageKind.NUDGE), "1 acknowledge, 2 resolve"),
    (message(MessageKind.TEST, incident=False), "1 acknowledge"),
    (replace(message(MessageKind.DUTY, incident=False), actions=READY), "1 acknowledge"),
    (message(MessageKind.CODE, incident=False, headline="Your code for Tocsin: 123456"), ""),
    (message(MessageKind.RESOLVED), ""),
]


@pytest.mark.parametrize(("given", "menu"), MENUS)
def test_the_keys_are_those_that_the_message_is_for(given: Message, menu: str) -> None:
    choices = words.script(given).choices
    assert ", ".join(f"{one.digit} {one.deed}" for one in choices) == menu


def test_it_says_who_calls_what_is_wrong_and_why_you_in_words_for_ears() -> None:
    said = " ".join(words.script(message()).lines)
    assert said == (
        "This is Tocsin, calling Alice. Severity 1 on checkout. Cards fail. Why you: on call for payments."
    )


def test_no_address_is_read_out() -> None:
    said = words.script(message(lines=("See https://grafana.example.com/d/x?y=1 for INC-9",))).lines
    assert said[-1] == "See for incident 9."


def test_a_code_is_spoken_digit_by_digit_three_times() -> None:
    said = words.script(
        message(MessageKind.CODE, incident=False, headline="Your code for Tocsin: 123456", lines=())
    )
    assert " ".join(said.lines).count("1. 2. 3. 4. 5. 6.") == 3


@pytest.mark.parametrize(
    "text", ["x" * 5000, "<Say>&amp;</Say>" * 200, "щ" * 2000, "\x1b[31mCards\x07 fail\ufffe"]
)
def test_it_is_never_longer_than_somebody_listens_and_twilio_takes(text: str) -> None:
    script = words.script(message(title=text, lines=(text,) * 20))
    assert sum(map(len, script.lines)) < 500
    document = twiml.document(script, f"https://tocsin.example.com/callbacks/twilio/keys?s={'x' * 1600}")
    assert len(document) <= 4000
    ET.fromstring(document)  # what is in a title breaks nothing
    ET.fromstring(markup.document(script, "https://tocsin.example.com/k"))


def test_without_a_way_back_no_key_is_asked_for() -> None:
    document = twiml.document(words.script(message()), "")
    assert "<Gather" not in document
    assert "Press" not in document
