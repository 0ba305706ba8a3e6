import pytest

from tocsin.apps.incidents.replies import Said, read
from tocsin.ports.callback import Deed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ack 12", Said(Deed.ACKNOWLEDGE, (12,))),
        ("ACK12", Said(Deed.ACKNOWLEDGE, (12,))),
        (" Ack  INC-12. thanks", Said(Deed.ACKNOWLEDGE, (12,))),
        ("ack #12", Said(Deed.ACKNOWLEDGE, (12,))),
        ("ack: 12, 14 and 15", Said(Deed.ACKNOWLEDGE, (12, 14))),
        ("ack", Said(Deed.ACKNOWLEDGE)),
        ("ack all", Said(Deed.ACKNOWLEDGE, all=True)),
        ("Ack all!", Said(Deed.ACKNOWLEDGE, all=True)),
        ("ok", Said(Deed.ACKNOWLEDGE)),
        ("res 12", Said(Deed.RESOLVE, (12,))),
        ("Resolved inc 12", Said(Deed.RESOLVE, (12,))),
        ("esc 12", Said(Deed.ESCALATE, (12,))),
        ("accept 3", Said(Deed.ACCEPT, (3,))),
        ("decline", Said(Deed.DECLINE)),
        ("STOP", Said(Deed.STOP)),
        ("Unsubscribe", Said(Deed.STOP)),
        ("start", Said(Deed.START)),
        ("help", Said(Deed.HELP)),
        ("?", Said(Deed.HELP)),
        ("who is this", Said(Deed.UNKNOWN)),
        ("acknowledgment", Said(Deed.UNKNOWN)),
        ("12", Said(Deed.UNKNOWN)),
        ("", Said(Deed.UNKNOWN)),
        ("🔥", Said(Deed.UNKNOWN)),
        ("ack " + "9" * 50, Said(Deed.ACKNOWLEDGE)),
    ],
)
def test_the_first_word_decides_and_numbers_name_incidents(text: str, said: Said) -> None:
    assert read(text) == said
