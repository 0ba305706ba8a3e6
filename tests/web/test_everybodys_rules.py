"""The rules of everybody: all read them, administrators change them, a file's are its own until unlocked."""

from datetime import timedelta

import pytest

from tests.notify.fakes import FakeChannel
from tests.web.conftest import Visitor
from tocsin.apps.notify import actions, queries
from tocsin.domain.notification.model import Rule
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Urgency
from tocsin.lib import clock
from tocsin.ports import registry

FORM = {"after": ["5m", "0", ""], "via": ["sms", "email", ""]}


@pytest.fixture(autouse=True)
def channels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.channels, "email", FakeChannel())
    monkeypatch.setitem(registry.channels, "sms", FakeChannel("sms", "SMS"))


def rules() -> list[tuple[Urgency, int, str]]:
    return sorted((rule.urgency, rule.after_s, rule.via) for rule in queries.default_rules())


def page(visitor: Visitor) -> str:
    text = visitor.client.get("/delivery/rules").content.decode()
    return text.partition("<main")[2].partition("</main")[0]


def test_administrators_set_everybodys_rules_one_kind_at_a_time(owner: Visitor, mate: Visitor) -> None:
    assert "every method of a person in its turn" in page(owner)
    assert owner.client.post("/delivery/rules/high", FORM).status_code == 302
    owner.client.post("/delivery/rules/low", {"after": "0m", "via": "email"})
    high = [(Urgency.HIGH, 0, "email"), (Urgency.HIGH, 300, "sms")]
    assert rules() == [*high, (Urgency.LOW, 0, "email")]
    assert [rule.via for rule in queries.rules(mate.email) if rule.urgency == "high"] == ["email", "sms"]
    assert 'value="5m"' in page(owner)
    owner.client.post("/delivery/rules/low", {"reset": "yes"})
    assert rules() == high


def test_others_only_read_them(owner: Visitor, mate: Visitor) -> None:
    assert mate.client.post("/delivery/rules/high", FORM).status_code == 403
    assert rules() == []
    assert ("Change" in page(owner), "Change" in page(mate)) == (True, False)


def test_what_is_wrong_stands_beside_its_line_and_nothing_is_saved(owner: Visitor) -> None:
    answer = owner.client.post("/delivery/rules/high", {"after": ["soon", "0"], "via": ["sms", "email"]})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert ("Expected a delay" in text, 'value="soon"' in text, rules()) == (True, True, [])
    assert owner.client.post("/delivery/rules/loud", FORM).status_code == 404


def test_a_files_rules_are_its_own_until_they_are_unlocked(owner: Visitor) -> None:
    wanted = [Rule(Urgency.HIGH, timedelta(0), "email")]
    actions.set_default_rules(actor=SYSTEM, rules=wanted, now=clock.now(), from_file=True)
    assert ("Change</summary>" in page(owner), "Unlock" in page(owner)) == (False, True)
    owner.client.post("/delivery/rules/high", {"reset": "yes"})
    assert rules() == [(Urgency.HIGH, 0, "email")]
    owner.client.post("/unlock", {"kind": "notification_rules", "name": "notification_rules"})
    owner.client.post("/delivery/rules/high", {"reset": "yes"})
    assert rules() == []
