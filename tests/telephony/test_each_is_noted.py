"""`ack: each` by phone and chat: what is said to an acknowledgement that others still have to match."""

from datetime import timedelta

import pytest

from tests.telephony.house import House
from tocsin.apps.escalation import settings
from tocsin.domain.escalation.model import AckMode, Policy, Step, Target, TargetKind
from tocsin.domain.permissions import SYSTEM
from tocsin.ports.callback import Deed

NOTED = "Noted: 1 of 2 have acknowledged; owner is still called."


@pytest.fixture
def ref(house: House) -> str:
    house.phones("sms", "voice")
    both = tuple(Target(TargetKind.USER, f"{name}@example.com") for name in ("mate", "owner"))
    steps = (Step(both, timedelta(minutes=5), ack=AckMode.EACH),)
    settings.save_policy(actor=SYSTEM, policy=Policy("payments", steps), now=house.company.now)
    return house.fire().ref


def test_a_reply_is_noted(house: House, ref: str) -> None:
    assert house.says("ack") == f"{ref}: {NOTED}"
    assert house.says(f"ack {ref}") == f"{ref}: {NOTED}"
    assert house.show(ref).acknowledged_at is None


def test_a_key_press_is_noted(house: House, ref: str) -> None:
    assert house.presses(Deed.ACKNOWLEDGE, house.told(via="voice")) == f"{ref}: {NOTED}"


def test_ack_all_tells_what_is_noted_from_what_is_theirs(house: House, ref: str) -> None:
    alone = (Step((Target(TargetKind.USER, "mate@example.com"),), timedelta(minutes=5)),)
    settings.save_policy(actor=SYSTEM, policy=Policy("payments", alone), now=house.company.now)
    other = house.fire("k2").ref
    said = f"{other} acknowledged. mate, they are yours. {ref} noted: others are still called."
    assert house.says("ack all") == said
