from datetime import timedelta
from typing import Any

import pytest
import time_machine

from tests.escalation.conftest import NOW
from tests.notify.fakes import FakeChannel
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity.models import User
from tocsin.apps.identity.queries import actor_for
from tocsin.apps.notify import actions, delivery, queries
from tocsin.apps.notify.models import ContactMethod
from tocsin.apps.notify.types import QuietHoursInfo
from tocsin.domain.errors import Conflict, Invalid, PermissionDenied
from tocsin.domain.notification.model import Occasion, Rule
from tocsin.domain.permissions import SYSTEM, Actor
from tocsin.domain.severity import Urgency
from tocsin.ports import registry

pytestmark = pytest.mark.django_db

ALICE, BOB = "alice@example.com", "bob@example.com"


@pytest.fixture
def alice(people: dict[str, User]) -> Actor:
    return actor_for(people["alice"].pk)


@pytest.fixture
def mate(people: dict[str, User]) -> Actor:
    return actor_for(people["bob"].pk)


@pytest.fixture
def owner(people: dict[str, User]) -> Actor:
    return actor_for(people["owner"].pk)


@pytest.fixture(autouse=True)
def hook(mail: FakeChannel, monkeypatch: pytest.MonkeyPatch) -> FakeChannel:
    channel = FakeChannel(type="webhook", title="Webhook")
    monkeypatch.setitem(registry.channels, "webhook", channel)
    return channel


def add(actor: Actor, email: str = ALICE, **fields: Any) -> Any:
    values = {"type": "webhook", "address": "https://example.com/hook", **fields}
    return actions.add_method(actor=actor, email=email, now=NOW, **values)


def test_a_bare_person_has_their_own_address(people: dict[str, User]) -> None:
    (method,) = queries.methods(ALICE)
    assert (method.type, method.address, method.verified, method.problem) == ("email", ALICE, True, "")


def test_what_one_adds_oneself_needs_a_code(alice: Actor, hook: FakeChannel) -> None:
    method = add(alice)
    assert method.problem == "not verified"
    with time_machine.travel(NOW, tick=False):
        for job in delivery.claim("w", NOW, 9):
            delivery.deliver_one(job, "w")
    code = hook.sent[0].headline.rpartition(": ")[2]
    row = ContactMethod.objects.get(pk=method.id)
    assert row.code == code
    verify = {"actor": alice, "email": ALICE, "method_id": method.id}
    assert not actions.verify_method(**verify, code="000000x", now=NOW).verified
    # A wrong guess spends the code.
    assert not actions.verify_method(**verify, code=code, now=NOW).verified
    actions.send_code(**verify, now=NOW + timedelta(minutes=2))
    fresh = ContactMethod.objects.get(pk=method.id).code
    assert actions.verify_method(**verify, code=fresh, now=NOW + timedelta(minutes=3)).verified


def test_adding_another_way_keeps_the_own_address(alice: Actor) -> None:
    add(alice)
    assert queries.deliverable([ALICE]) == {ALICE: True}


def test_what_an_administrator_adds_is_verified(owner: Actor) -> None:
    assert add(owner).problem == ""
    assert AuditEntry.objects.get().action == "contact_method.added"


def test_a_team_mate_may_not_touch_it(mate: Actor, alice: Actor) -> None:
    method = queries.methods(ALICE)[0]
    with pytest.raises(PermissionDenied):
        add(mate)
    for action, more in (
        (actions.remove_method, {"method_id": method.id}),
        (actions.set_method_enabled, {"method_id": method.id, "enabled": False}),
        (actions.send_code, {"method_id": method.id}),
        (actions.verify_method, {"method_id": method.id, "code": "1"}),
        (actions.set_rules, {"rules": ()}),
        (actions.set_quiet_hours, {"hours": None}),
    ):
        with pytest.raises(PermissionDenied):
            action(actor=mate, email=ALICE, now=NOW, **more)
    with pytest.raises(PermissionDenied):
        actions.set_default_rules(actor=mate, rules=(), now=NOW)
    with pytest.raises(PermissionDenied):
        actions.save_person(actor=mate, email=ALICE, methods=(), rules=(), quiet_hours=None, now=NOW)


def test_the_last_way_cannot_be_removed(alice: Actor, owner: Actor) -> None:
    own = queries.methods(ALICE)[0]
    with pytest.raises(Conflict):
        actions.remove_method(actor=alice, email=ALICE, method_id=own.id, now=NOW)
    add(owner)
    actions.remove_method(actor=alice, email=ALICE, method_id=own.id, now=NOW)
    assert [method.type for method in queries.methods(ALICE)] == ["webhook"]


def test_the_same_way_twice_and_unknown_channels_are_refused(owner: Actor) -> None:
    add(owner)
    with pytest.raises(Conflict):
        add(owner)
    with pytest.raises(Invalid) as refused:
        add(owner, type="pigeon")
    assert refused.value.errors[0].field == "type"


def test_a_disabled_way_is_not_used(alice: Actor) -> None:
    method = queries.methods(ALICE)[0]
    actions.set_method_enabled(actor=alice, email=ALICE, method_id=method.id, enabled=False, now=NOW)
    assert queries.methods(ALICE)[0].problem == "disabled: by Alice"
    assert queries.deliverable([ALICE]) == {ALICE: False}


def test_rules_are_set_as_a_whole_and_checked(alice: Actor) -> None:
    rules = (Rule(Urgency.HIGH, timedelta(0), "email"), Rule(Urgency.HIGH, timedelta(minutes=3), "sms"))
    actions.set_rules(actor=alice, email=ALICE, rules=rules, now=NOW)
    assert [(r.after_s, r.via) for r in queries.rules(ALICE)] == [(0, "email"), (180, "sms")]
    with pytest.raises(Invalid):
        actions.set_rules(
            actor=alice, email=ALICE, rules=(Rule(Urgency.HIGH, timedelta(days=2), "email"),), now=NOW
        )


def test_quiet_hours_are_checked(alice: Actor) -> None:
    hours = QuietHoursInfo("Europe/Berlin", ("mon",), "22:00", "07:00")
    actions.set_quiet_hours(actor=alice, email=ALICE, hours=hours, now=NOW)
    assert queries.quiet_hours(ALICE) == hours
    for wrong in (QuietHoursInfo("Nowhere", (), "22:00", "07:00"), QuietHoursInfo("UTC", (), "25:00", "7")):
        with pytest.raises(Invalid):
            actions.set_quiet_hours(actor=alice, email=ALICE, hours=wrong, now=NOW)


def test_a_file_leaves_what_people_added(owner: Actor, people: dict[str, User]) -> None:
    add(owner)
    for address in ("one@example.com", "two@example.com"):
        actions.save_person(
            actor=SYSTEM, email=ALICE, methods=[("email", address, {})], rules=(), quiet_hours=None, now=NOW
        )
    found = {(method.type, method.address) for method in queries.methods(ALICE)}
    assert ("webhook", "https://example.com/hook") in found
    assert ("email", "two@example.com") in found
    assert ("email", "one@example.com") not in found


def test_a_test_page_goes_the_way_a_real_one_would(alice: Actor, mate: Actor, mail: FakeChannel) -> None:
    actions.send_test(actor=alice, email=ALICE, now=NOW)
    actions.send_test(actor=mate, email=ALICE, now=NOW)
    with time_machine.travel(NOW, tick=False):
        for job in delivery.claim("w", NOW, 9):
            delivery.deliver_one(job, "w")
    assert [m.headline for m in mail.sent] == ["Test page: nothing is wrong"] * 2


def test_a_file_and_its_person_keep_rules_side_by_side(alice: Actor) -> None:
    filed = Rule(Urgency.HIGH, timedelta(0), "email")
    own = Rule(Urgency.LOW, timedelta(minutes=1), "email", Occasion.HANDOFF)

    def apply() -> None:
        ways = [("email", ALICE, {})]
        actions.save_person(
            actor=SYSTEM, email=ALICE, methods=ways, rules=(filed,), quiet_hours=None, now=NOW
        )

    apply()
    actions.set_rules(actor=alice, email=ALICE, rules=(filed, own), now=NOW)
    for _ in range(2):
        found = {(rule.occasion, rule.from_file) for rule in queries.own_rules(ALICE)}
        assert found == {(Occasion.PAGE, True), (Occasion.HANDOFF, False)}
        apply()
    actions.set_rules(actor=alice, email=ALICE, rules=(own,), now=NOW)
    assert [rule.occasion for rule in queries.own_rules(ALICE)] == [Occasion.HANDOFF]


def test_adding_and_removing_is_no_way_around_the_pace_of_codes(alice: Actor) -> None:
    add(alice, address="https://example.com/kept")
    for number in range(9):
        method = add(alice, address=f"https://example.com/{number}")
        actions.remove_method(actor=alice, email=ALICE, method_id=method.id, now=NOW)
    with pytest.raises(Conflict, match="Too many codes"):
        add(alice, address="https://example.com/last")
    assert not ContactMethod.objects.filter(address="https://example.com/last").exists()
    later = NOW + timedelta(hours=1, seconds=1)
    actions.add_method(
        actor=alice, email=ALICE, type="webhook", address="https://example.com/last", now=later
    )
