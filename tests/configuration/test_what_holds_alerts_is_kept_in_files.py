"""Silences, maintenance, inhibitions, storm mode and heartbeats in files: made, kept, exported and pruned."""

from datetime import datetime, timedelta

import pytest

from tocsin.apps.alerts import actions as alerts
from tocsin.apps.alerts import suppressing
from tocsin.apps.alerts.models import Silence, SuppressionRules
from tocsin.apps.alerts.types import SilenceSpec
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.configuration import actions, queries
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations import heartbeat_actions, silence_of_sources
from tocsin.apps.integrations.heartbeat_queries import HeartbeatSpec
from tocsin.apps.integrations.models import Event, Heartbeat, Integration
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.configuration import load
from tocsin.domain.configuration.forms import objects
from tocsin.domain.errors import Conflict, Invalid
from tocsin.domain.permissions import Actor

SERVICES = "services: [{name: checkout}, {name: database}]\n"
SILENCES = """\
silences:
  - {name: nightly, match: ['job="backup"'], start: 2026-11-01T02:00, for: 2h, rrule: FREQ=DAILY,
     timezone: Europe/Berlin, comment: Backups are noisy, notice: 10m}
maintenance:
  - {name: nightly, services: [database], start: 2026-12-01T02:00, end: 2026-12-01T04:00}
"""
RULES = """\
inhibitions:
  - {name: cluster, source: {alertname: ClusterDown}, target: ['severity=~"warning|info"'], equal: [cluster]}
storm: {alerts: 200, within: 5m}
"""
BEATS = """\
integrations:
  - name: jobs
    kind: heartbeat
    silent_after: 15m
    heartbeats:
      - {name: backup, every: 1d, grace: 2h, severity: SEV3}
      - {name: report, cron: "0 3 * * *", timezone: Europe/Berlin, labels: {team: web}}
"""
ALL = SERVICES + SILENCES + RULES + BEATS


def _apply(owner: Actor, text: str, now: datetime, *, prune: bool = False) -> list[tuple[str, str, str]]:
    outcome = actions.apply(actor=owner, files={"a.yaml": text}, prune=prune, now=now)
    return [(str(change.action), change.kind, change.name) for change in outcome.changes]


def test_they_are_made_and_a_second_apply_changes_nothing(owner: Actor, now: datetime) -> None:
    made = _apply(owner, ALL, now)
    for key in (
        ("silences", "nightly"),
        ("maintenance", "nightly"),
        ("inhibitions", ""),
        ("storm", ""),
        ("heartbeats", "jobs/backup"),
        ("heartbeats", "jobs/report"),
    ):
        assert ("add", *key) in made
    assert sorted(Silence.objects.values_list("kind", "name", "from_file")) == [
        ("maintenance", "nightly", True),
        ("silence", "nightly", True),
    ]
    rules = suppressing.rules()
    assert [rule.name for rule in rules.inhibitions] == ["cluster"]
    assert rules.storm is not None
    assert rules.storm.alerts == 200
    assert Integration.objects.get().silent_after == timedelta(minutes=15)
    deeds = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"silence.created", "maintenance.created", "suppression.changed", "heartbeat.created"} <= deeds
    audited = AuditEntry.objects.count()
    assert _apply(owner, ALL, now + timedelta(days=30), prune=True) == []
    assert AuditEntry.objects.count() == audited


def test_what_is_exported_reads_back_the_same(owner: Actor, now: datetime) -> None:
    _apply(owner, ALL, now)
    exported = queries.export(actor=owner)
    written, again = load({"a": ALL}).organisation, load({"b": exported})
    assert again.report.errors == ()
    for key in ("silences", "maintenance", "inhibitions", "storm"):
        assert getattr(again.organisation, key) == getattr(written, key)
    assert again.organisation.integrations["jobs"].heartbeats == written.integrations["jobs"].heartbeats
    assert _apply(owner, exported, now) == []


def test_recurrence_is_by_the_clock_on_the_wall(owner: Actor, now: datetime) -> None:
    _apply(owner, ALL, now)
    row = Silence.objects.get(kind="silence")
    assert row.starts_at.isoformat() == "2026-11-01T01:00:00+00:00"
    assert row.ends_at - row.starts_at == timedelta(hours=2)
    assert (row.rrule, row.zone) == ("FREQ=DAILY", "Europe/Berlin")


def test_what_leaves_the_files_is_pruned_and_what_people_made_stays(owner: Actor, now: datetime) -> None:
    _apply(owner, ALL, now)
    spec = SilenceSpec(('a="b"',), now, now + timedelta(hours=1))
    mine = alerts.save_silence(actor=owner, spec=spec, now=now)
    beat = HeartbeatSpec("jobs", "mine", every=timedelta(hours=1))
    heartbeat_actions.save_heartbeat(actor=owner, spec=beat, now=now)
    fewer = (
        SERVICES + "integrations: [{name: jobs, kind: heartbeat, heartbeats: [{name: backup, every: 1d}]}]\n"
    )
    assert ("remove", "silences", "nightly") not in _apply(owner, fewer, now)
    gone = {change for change in _apply(owner, fewer, now, prune=True) if change[0] == "remove"}
    assert gone == {
        ("remove", "silences", "nightly"),
        ("remove", "maintenance", "nightly"),
        ("remove", "inhibitions", ""),
        ("remove", "storm", ""),
        ("remove", "heartbeats", "jobs/report"),
    }
    assert list(Silence.objects.filter(ended_at=None).values_list("uid", flat=True)) == [
        Silence.objects.get(uid=mine.uid).uid
    ]
    rules = SuppressionRules.objects.get()
    assert (rules.definition, rules.from_file) == ({}, False)
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"backup", "mine"}
    assert _apply(owner, fewer, now, prune=True) == []


def test_one_of_inhibitions_and_storm_mode_goes_alone(owner: Actor, now: datetime) -> None:
    _apply(owner, RULES, now)
    _apply(owner, "storm: {alerts: 50, within: 1m}", now, prune=True)
    rules = suppressing.rules()
    assert rules.inhibitions == ()
    assert rules.storm is not None
    assert rules.storm.alerts == 50


def test_unlocked_they_are_peoples_until_a_file_says_them_again(owner: Actor, now: datetime) -> None:
    _apply(owner, ALL, now)
    row = Silence.objects.get(kind="silence")
    with pytest.raises(Conflict):
        alerts.expire_silence(actor=owner, uid=str(row.uid), now=now)
    actions.unlock(actor=owner, kind="silences", name="nightly", now=now)
    actions.unlock(actor=owner, kind="heartbeats", name="jobs/backup", now=now)
    assert not Heartbeat.objects.get(name="backup").from_file
    alerts.expire_silence(actor=owner, uid=str(row.uid), now=now)
    assert _apply(owner, SERVICES, now, prune=True).count(("remove", "silences", "nightly")) == 0
    assert ("add", "silences", "nightly") in _apply(owner, SERVICES + SILENCES, now)
    row.refresh_from_db()
    assert (row.from_file, row.ended_at) == (True, None)


def test_a_changed_heartbeat_is_one_change(owner: Actor, now: datetime) -> None:
    _apply(owner, ALL, now)
    assert _apply(owner, ALL.replace("grace: 2h", "grace: 3h"), now) == [
        ("change", "heartbeats", "jobs/backup")
    ]
    assert Heartbeat.objects.get(name="backup").grace == timedelta(hours=3)


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("silences:\n  - {name: a, start: 2026-12-01, for: 1h}", "f:2 silences[0]", "hold every alert"),
        ("silences:\n  - {name: a, match: {x: y}, start: 2026-12-01}", "f:2 silences[0]", "either `end`"),
        (
            "silences:\n  - {name: a, match: {x: y}, start: 2026-12-01, for: 1h,\n     rrule: FREQ=HOURLY}",
            "f:3 silences[0].rrule",
            "FREQ",
        ),
        (
            "maintenance:\n  - name: a\n    services: [x]\n    start: 2026-12-02\n    end: 2026-12-01",
            "f:5 maintenance[0].end",
            "after the start",
        ),
        ("maintenance:\n  - {name: a, services: [x], starts: 1}", "f:2 maintenance[0].starts", "unknown key"),
        ("inhibitions:\n  - {name: a, source: {x: y}}", "f:2 inhibitions[0]", "`target`"),
        ("storm: {alerts: 1, within: 5m}", "f:1 storm.alerts", "whole number"),
        (
            "integrations:\n  - name: a\n    kind: heartbeat\n    heartbeats: [{name: b, cron: nonsense}]",
            "f:4 integrations[0].heartbeats[0].cron",
            "five fields",
        ),
        (
            "integrations:\n  - {name: a, kind: generic, silent_after: 1s}",
            "f:2 integrations[0].silent_after",
            "1m",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_field(text: str, where: str, message: str) -> None:
    errors = [(f"{each.place} {each.path}", each.message) for each in load({"f": text}).report.errors]
    assert any(place == where and message in words for place, words in errors), errors


def test_a_service_that_is_not_there_is_named(owner: Actor, now: datetime) -> None:
    with pytest.raises(Invalid) as caught:
        _apply(owner, SILENCES, now)
    assert "maintenance[nightly].services" in str([each.field for each in caught.value.errors])


def test_silent_after_stays_unless_it_is_said(owner: Actor, now: datetime) -> None:
    _apply(owner, BEATS, now)
    plain = "integrations: [{name: jobs, kind: heartbeat}]"
    assert _apply(owner, plain, now) == []
    assert Integration.objects.get().silent_after == timedelta(minutes=15)
    off = "integrations: [{name: jobs, kind: heartbeat, silent_after: off}]"
    assert _apply(owner, off, now) == [("change", "integrations", "jobs")]
    assert Integration.objects.get().silent_after is None
    assert _apply(owner, off, now) == []
    assert ("integrations", "jobs") in objects(load({"f": off}).organisation)


def test_a_source_that_may_be_silent_from_now_on_is_silent_no_more(owner: Actor, now: datetime) -> None:
    spec = IntegrationSpec("tool", "generic", silent_after=timedelta(minutes=5))
    integrations.save_integration(actor=owner, spec=spec, now=now)
    silence_of_sources.falls_silent(Integration.objects.get(), now)
    integrations.save_integration(
        actor=owner, spec=IntegrationSpec("tool", "generic", silent_after=timedelta(0)), now=now
    )
    assert Integration.objects.get().silent_since is None
    assert [each.action for each in Event.objects.order_by("id")] == ["trigger", "resolve"]


def test_an_integration_from_a_file_is_deleted_there(owner: Actor, now: datetime) -> None:
    _apply(owner, BEATS, now)
    with pytest.raises(Conflict, match="comes from a file"):
        integrations.delete_integration(actor=owner, name="jobs", now=now)
    gone = _apply(owner, SERVICES, now, prune=True)
    assert ("remove", "integrations", "jobs") in gone
    assert not Integration.objects.exists()
