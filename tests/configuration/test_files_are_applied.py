from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.catalog import queries as catalog
from tocsin.apps.configuration import actions, queries
from tocsin.apps.configuration.models import AppliedObject
from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.models import User
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations import queries as ways_in
from tocsin.apps.notify import queries as ways
from tocsin.apps.notify.models import ContactMethod
from tocsin.apps.oncall import actions as oncall
from tocsin.apps.oncall import queries as rota
from tocsin.domain.configuration import load
from tocsin.domain.configuration.forms import objects
from tocsin.domain.configuration.plan import Action
from tocsin.domain.errors import Invalid, PermissionDenied
from tocsin.domain.permissions import Actor
from tocsin.domain.schedule import OverrideKind
from tocsin.domain.schedule.definition import OverrideDefinition

Files = dict[str, str]


def _apply(owner: Actor, files: Files, now: datetime, *, prune: bool = False) -> list[tuple[str, str, str]]:
    outcome = actions.apply(actor=owner, files=files, prune=prune, now=now)
    return [(str(change.action), change.kind, change.name) for change in outcome.changes]


def test_it_makes_everything_the_example_says(owner: Actor, example: Files, now: datetime) -> None:
    made = _apply(owner, example, now)
    assert {action for action, _, _ in made} == {"add"}
    stored, written = queries.organisation(), load(example).organisation
    names = {key for key in objects(written) if key[0] != "severities"}
    assert names <= set(objects(stored))
    assert stored.teams == written.teams
    assert stored.escalation_policies == written.escalation_policies
    assert stored.routes == written.routes
    assert stored.last_resort == written.last_resort
    assert stored.rotations == written.rotations
    assert {name: sorted(service.depends_on) for name, service in stored.services.items()} == {
        name: sorted(service.depends_on) for name, service in written.services.items()
    }


def test_a_second_apply_changes_nothing(owner: Actor, example: Files, now: datetime) -> None:
    _apply(owner, example, now)
    audited = AuditEntry.objects.count()
    assert _apply(owner, example, now + timedelta(hours=1)) == []
    assert _apply(owner, example, now + timedelta(days=9), prune=True) == []
    assert AuditEntry.objects.count() == audited


def test_the_users_own_rotations_are_a_valid_file(owner: Actor, rotations: str, now: datetime) -> None:
    made = _apply(owner, {"rotations.yaml": rotations}, now)
    assert ("add", "users", "alice@example.com") in made
    alice = identity.person("alice@example.com")
    assert alice is not None
    assert alice.state == "invited"
    stored = queries.organisation().users["alice@example.com"]
    assert [(method.type, method.address) for method in stored.contact_methods] == [
        ("email", "alice@example.com")
    ]
    on_call = rota.on_call("secondary-oncall", now)
    assert [shift.user for shift in on_call] == [
        shift.user for shift in rota.on_call("primary-oncall", now - timedelta(days=7))
    ]


def test_a_bad_file_changes_nothing_and_names_file_line_and_field(
    owner: Actor, rotations: str, now: datetime
) -> None:
    files = {"a.yaml": rotations, "b.yaml": "teams:\n  - name: web\n    leed: alice@example.com\n"}
    with pytest.raises(Invalid) as caught:
        _apply(owner, files, now)
    assert [(error.field, error.message) for error in caught.value.errors] == [
        ("b.yaml:3 teams[0].leed", "unknown key (did you mean 'lead'?)")
    ]
    assert rota.rotations() == ()


def test_a_file_refused_halfway_leaves_nothing_behind(owner: Actor, rotations: str, now: datetime) -> None:
    wrong = "integrations:\n  - {name: tool, kind: no-such-tool}\n"
    with pytest.raises(Invalid) as caught:
        _apply(owner, {"a.yaml": rotations, "b.yaml": wrong}, now)
    assert caught.value.errors[0].field == "b.yaml:2 integrations[tool].kind"
    assert rota.rotations() == ()
    assert AppliedObject.objects.count() == 0


def test_only_prune_removes_and_only_what_a_file_made(owner: Actor, example: Files, now: datetime) -> None:
    oncall_file = {"schedules.yaml": example["schedules.yaml"], "people.yaml": example["people.yaml"]}
    _apply(owner, oncall_file, now)
    people = {"people.yaml": example["people.yaml"]}
    assert _apply(owner, people, now) == []
    removed = _apply(owner, people, now, prune=True)
    assert ("remove", "rotations", "primary-oncall") in removed
    assert ("remove", "schedules", "platform") in removed
    assert rota.rotations() == ()
    assert identity.person("owner@example.com") is not None
    assert {team.name for team in identity.teams()} == {"payments", "platform", "web"}


def test_what_was_there_before_any_file_is_never_pruned(owner: Actor, now: datetime) -> None:
    _apply(owner, {"a.yaml": "users:\n  - {email: owner@example.com, name: The Owner}\n"}, now)
    person = identity.person("owner@example.com")
    assert person is not None
    assert (person.name, person.from_file) == ("The Owner", True)
    assert _apply(owner, {"a.yaml": "teams: [{name: web}]\n"}, now, prune=True) == [("add", "teams", "web")]
    assert identity.person("owner@example.com") is not None


def test_what_people_made_is_not_touched(owner: Actor, example: Files, now: datetime) -> None:
    _apply(owner, example, now)
    change = OverrideDefinition(
        now + timedelta(hours=1), now + timedelta(hours=3), OverrideKind.OVERRIDE, "dana@example.com"
    )
    made = oncall.add_override(actor=owner, schedule="web", change=change, now=now)
    dana = User.objects.get(email="dana@example.com")
    ContactMethod.objects.create(user=dana, type="webhook", address="https://example.com/hook", position=1)
    assert _apply(owner, example, now + timedelta(minutes=1), prune=True) == []
    assert rota.overrides("web") == (made,)
    stored = queries.organisation().users["dana@example.com"]
    assert [method.type for method in stored.contact_methods] == ["email", "webhook"]


def test_overrides_of_a_file_come_and_go_with_it(owner: Actor, rotations: str, now: datetime) -> None:
    text = """\
schedules:
  - name: payments
    timezone: America/New_York
    layers: [primary-oncall]
    overrides:
      - {start: "2026-11-24T12:00", end: "2026-11-24T14:00", user: dee@example.com}
"""
    files = {"a.yaml": rotations, "b.yaml": text}
    _apply(owner, files, now)
    noon = datetime.fromisoformat("2026-11-24T12:30-05:00")
    assert [shift.user for shift in rota.on_call("payments", noon)] == ["dee@example.com"]
    files["b.yaml"] = text.replace("14:00", "12:30")
    assert _apply(owner, files, now) == [("change", "schedules", "payments")]
    assert [shift.user for shift in rota.on_call("payments", noon)] == ["bob@example.com"]
    assert _apply(owner, files, now) == []


def test_changed_participants_take_turns_from_the_next_handoff_on(
    owner: Actor, rotations: str, now: datetime
) -> None:
    _apply(owner, {"a.yaml": rotations}, now)
    before = rota.shifts("primary-oncall", now - timedelta(days=60), now)
    changed = rotations.replace("- user: bob@", "- user: bea@").replace(
        "      - user: charlie@", "      - user: cleo@example.com\n      - user: charlie@"
    )
    outcome = actions.apply(actor=owner, files={"a.yaml": changed}, now=now)
    primary = next(change for change in outcome.changes if change.name == "primary-oncall")
    assert [turn.people[0][:4] for turn in primary.turns_before] == ["alic", "bob@", "char", "alic"]
    assert [turn.people[0][:4] for turn in primary.turns_after] == ["alic", "bea@", "cleo", "char"]
    assert rota.shifts("primary-oncall", now - timedelta(days=60), now) == before
    # Until the hand-off of today, 09:00 in New York, nothing changes.
    assert [shift.user for shift in rota.on_call("primary-oncall", now)] == ["alice@example.com"]
    assert [shift.user for shift in rota.on_call("primary-oncall", now + timedelta(hours=3))] == [
        "bea@example.com"
    ]
    assert _apply(owner, {"a.yaml": changed}, now + timedelta(days=3)) == []


def test_the_ring_goes_on_where_it_was(owner: Actor, rotations: str, now: datetime) -> None:
    _apply(owner, {"a.yaml": rotations}, now)
    later = now + timedelta(days=4)
    assert [shift.user for shift in rota.on_call("primary-oncall", later)] == ["bob@example.com"]
    shorter = rotations.replace("      - user: alice@example.com\n", "")
    _apply(owner, {"a.yaml": shorter}, later)
    week = timedelta(days=7)
    turns = [rota.on_call("primary-oncall", later + number * week)[0].user for number in range(4)]
    assert turns == ["bob@example.com", "charlie@example.com", "bob@example.com", "charlie@example.com"]


def test_plan_says_what_apply_does_and_does_nothing(owner: Actor, example: Files, now: datetime) -> None:
    planned = actions.plan(actor=owner, files=example, now=now)
    assert queries.organisation().teams == {}
    applied = actions.apply(actor=owner, files=example, now=now)
    assert planned.changes == applied.changes


def test_a_key_is_made_once_and_shown_to_nobody(owner: Actor, now: datetime) -> None:
    files = {"a.yaml": "services: [{name: web}]\nintegrations: [{name: tool, kind: generic, service: web}]\n"}
    _apply(owner, files, now)
    info = ways_in.integration("tool")
    assert info is not None
    assert len(info.key) == 32
    assert _apply(owner, files, now) == []
    given = files["a.yaml"].replace("kind: generic", "kind: generic, key: " + "ab" * 16)
    outcome = actions.plan(actor=owner, files={"a.yaml": given}, now=now)
    (change,) = outcome.changes
    assert [(field.field, field.before, field.after) for field in change.fields] == [("key", "••••", "••••")]


def test_an_integration_with_a_history_is_kept_when_pruned(
    owner: Actor, example: Files, now: datetime
) -> None:
    _apply(owner, example, now)
    without = {**example, "alerts.yaml": ""}
    outcome = actions.apply(actor=owner, files=without, prune=True, now=now)
    assert {(change.kind, change.action) for change in outcome.changes} >= {("integrations", Action.REMOVE)}
    assert outcome.warnings == ()
    assert ways_in.integrations() == ()


def test_names_may_stand_for_what_is_on_the_server(owner: Actor, example: Files, now: datetime) -> None:
    _apply(owner, example, now)
    more = {"more.yaml": "services:\n  - {name: refunds, team: payments, escalation_policy: payments}\n"}
    assert _apply(owner, more, now) == [("add", "services", "refunds")]
    service = catalog.service("refunds")
    assert service is not None
    assert service.team == "payments"
    with pytest.raises(Invalid) as caught:
        _apply(owner, {"x.yaml": "services:\n  - {name: refunds, team: paymants}\n"}, now)
    error = caught.value.errors[0]
    assert error.field == "x.yaml:2 services[refunds].team"
    assert "did you mean 'payments'?" in error.message


def test_what_a_file_owns_is_unlocked_for_the_pages(owner: Actor, example: Files, now: datetime) -> None:
    _apply(owner, example, now)
    spec = replace(integrations_spec("scripts"), enabled=False)
    actions.unlock(actor=owner, kind="integrations", name="scripts", now=now)
    saved = integrations.save_integration(actor=owner, spec=spec, now=now)
    assert (saved.enabled, saved.from_file) == (False, False)
    assert _apply(owner, example, now) == [("change", "integrations", "scripts")]


def integrations_spec(name: str) -> integrations.IntegrationSpec:
    info = ways_in.integration(name)
    assert info is not None
    return integrations.IntegrationSpec(info.name, info.kind, info.service)


def test_what_somebody_took_over_is_not_pruned(owner: Actor, example: Files, now: datetime) -> None:
    _apply(owner, example, now)
    oncall.unlock(actor=owner, kind="schedule", name="web", now=now)
    actions.unlock(actor=owner, kind="teams", name="web", now=now)
    removed = _apply(owner, {"a.yaml": "last_resort: [alice@example.com]\n"}, now, prune=True)
    assert ("remove", "schedules", "platform") in removed
    assert ("remove", "schedules", "web") not in removed
    assert ("remove", "teams", "web") not in removed
    # Its rotation is still needed, so it stays too.
    assert [info.name for info in rota.rotations()] == ["web-days"]


def test_who_left_is_not_let_in_by_a_file(owner: Actor, example: Files, now: datetime) -> None:
    _apply(owner, example, now)
    # Of who is on call the files are changed first; these are older than that rule.
    User.objects.filter(email="grace@example.com").update(state="left")
    outcome = actions.apply(actor=owner, files=example, now=now)
    assert outcome.changes == ()
    assert outcome.warnings[0].startswith("grace@example.com has left")
    person = identity.person("grace@example.com")
    assert person is not None
    assert person.state == "left"


def test_somebody_who_came_is_not_pruned_for_not_being_named(
    owner: Actor, rotations: str, now: datetime
) -> None:
    _apply(owner, {"a.yaml": rotations}, now)
    User.objects.filter(email="bob@example.com").update(state="active")
    removed = _apply(owner, {"a.yaml": ""}, now, prune=True)
    assert ("remove", "users", "alice@example.com") in removed
    assert ("remove", "users", "bob@example.com") not in removed


def test_an_export_is_applied_without_a_change(owner: Actor, example: Files, now: datetime) -> None:
    _apply(owner, example, now)
    change = OverrideDefinition(now, now + timedelta(hours=3), OverrideKind.OVERRIDE, "dana@example.com")
    oncall.add_override(actor=owner, schedule="web", change=change, now=now)
    text = queries.export(actor=owner)
    assert _apply(owner, {"export.yaml": text}, now) == []
    assert len(rota.overrides("web")) == 1


def test_the_server_never_reads_its_own_secrets_for_somebody(owner: Actor, now: datetime) -> None:
    text = "integrations: [{name: tool, kind: generic, key: {env: TOCSIN_SECRET_KEY}}]\n"
    with pytest.raises(Invalid, match="read where the command runs"):
        _apply(owner, {"a.yaml": text}, now)


def test_only_who_may_configure_plans_applies_and_exports(
    mate: Actor, stranger: Actor, rotations: str, now: datetime
) -> None:
    files = {"a.yaml": rotations}
    for actor in (mate, stranger):
        with pytest.raises(PermissionDenied):
            actions.plan(actor=actor, files=files, now=now)
        with pytest.raises(PermissionDenied):
            actions.apply(actor=actor, files=files, now=now)
        with pytest.raises(PermissionDenied):
            queries.export(actor=actor)
        with pytest.raises(PermissionDenied):
            actions.unlock(actor=actor, kind="teams", name="web", now=now)


def test_the_first_run_loads_the_example_once(db: None, now: datetime) -> None:
    folder = Path(__file__).parents[2] / "examples/org"
    assert actions.first_run(folder, now)
    assert not actions.first_run(folder, now)
    assert catalog.service("checkout") is not None


def test_rules_of_every_occasion_come_and_go_with_a_file(owner: Actor, now: datetime) -> None:
    everybodys = "notification_rules: {high: [{via: email}], moved: [{after: 90s, via: email}]}\n"
    of_one = (
        "users: [{email: ann@example.com, notification_rules: {low: [{via: email}], "
        "handoff: [{after: 1m, via: email}], swap: [{via: email}]}}]\n"
    )
    _apply(owner, {"a.yaml": everybodys + of_one}, now)
    assert _apply(owner, {"a.yaml": everybodys + of_one}, now) == []
    text = queries.export(actor=owner)
    assert load({"export.yaml": text}).organisation.notification_rules == tuple(
        load({"a.yaml": everybodys}).organisation.notification_rules
    )
    rules = {
        (str(rule.occasion), str(rule.urgency), rule.after_s, rule.own)
        for rule in ways.rules("ann@example.com")
    }
    assert rules == {
        ("page", "high", 0, False),
        ("page", "low", 0, True),
        ("handoff", "low", 60, True),
        ("swap", "low", 0, True),
        ("moved", "low", 90, False),
    }


def test_everybodys_rules_that_somebody_took_over_are_not_pruned(owner: Actor, now: datetime) -> None:
    _apply(owner, {"a.yaml": "notification_rules: {high: [{via: email}]}\n"}, now)
    actions.unlock(actor=owner, kind="notification_rules", name="notification_rules", now=now)
    assert AppliedObject.objects.filter(kind="notification_rules").count() == 0
    assert _apply(owner, {"a.yaml": "last_resort: []\n"}, now, prune=True) == []
    assert [rule.via for rule in ways.default_rules()] == ["email"]


THROTTLES = """
throttles:
  - {via: sms, per: contact, most: 2, within: 1m}
  - {via: sms, per: contact, most: 9, within: 1h}
  - {via: email, per: contact, most: 0}
"""


def test_throttles_come_from_files_go_with_them_and_are_exported(owner: Actor, now: datetime) -> None:
    def shown() -> list[tuple[str, str, int, bool]]:
        mine = (one for one in ways.throttles() if one.via in {"sms", "email"})
        return [(one.via, one.scope, one.most, one.from_file) for one in mine]

    shipped = shown()
    assert _apply(owner, {"a.yaml": THROTTLES}, now) == [("add", "throttles", "")]
    assert shown() == [
        ("email", "contact", 0, True),
        ("sms", "contact", 2, True),
        ("sms", "contact", 9, True),
        ("sms", "vendor", 10, False),
    ]
    assert _apply(owner, {"a.yaml": THROTTLES}, now) == []
    exported = queries.export(actor=owner)
    assert (
        load({"a.yaml": exported}).organisation.throttles
        == load({"a.yaml": THROTTLES}).organisation.throttles
    )
    assert _apply(owner, {"a.yaml": THROTTLES.replace("most: 2", "most: 3")}, now) == [
        ("change", "throttles", "")
    ]
    assert ("remove", "throttles", "") in _apply(owner, {"a.yaml": ""}, now, prune=True)
    assert shown() == shipped


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ("{via: sms, per: moon, most: 1, within: 1m}", "per", "contact"),
        ("{via: sms, per: contact, most: -1, within: 1m}", "most", "from 0 to"),
        ("{via: sms, per: contact, most: 1}", "within", "how long"),
        ("{via: sms, per: contact, most: 1, within: 2d}", "within", "expected 1s to 1d"),
    ],
)
def test_a_wrong_throttle_is_named_with_its_place(line: str, field: str, message: str) -> None:
    (problem,) = load({"a.yaml": f"throttles:\n  - {line}\n"}).report.errors
    assert problem.path.endswith(field) or field in problem.message
    assert message in problem.message
    assert (problem.place.file, problem.place.line) == ("a.yaml", 2)
