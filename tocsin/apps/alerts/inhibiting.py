"""Inhibitions: which firing alerts are sources, kept as rows, so that a target finds them by one look."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from tocsin.apps.alerts.models import Alert, Hold, Inhibitor, SuppressionRules
from tocsin.apps.alerts.suppressing import facts_of, inhibitions_of
from tocsin.apps.audit import actions as audit
from tocsin.apps.integrations import queries as integrations
from tocsin.domain.errors import Conflict
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.suppression import Facts, Inhibition, Source
from tocsin.domain.suppression.inhibition import wanted

_AT_ONCE = 2000


def register(alerts: Iterable[tuple[Alert, Facts]], rules: Sequence[Inhibition], now: datetime) -> None:
    """Alerts that fire, or whose labels have changed."""
    pairs = list(alerts)
    if not rules or not pairs:
        return
    Inhibitor.objects.filter(alert_id__in=[alert.pk for alert, _ in pairs]).delete()
    Inhibitor.objects.bulk_create(
        Inhibitor(
            alert=alert,
            rule=rule.name,
            alike=rule.alike(facts.labels),
            both=rule.is_target(facts.labels),
            since=now,
        )
        for alert, facts in pairs
        for rule in rules
        if rule.is_source(facts.labels)
    )


def sources(targets: Iterable[Facts], rules: Sequence[Inhibition]) -> list[Source]:
    """The firing alerts that may hold any of these."""
    keys = {key for facts in targets for key in wanted(rules, facts.labels)} if rules else set()
    if not keys:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.rule, i.alike, a.id, a.summary, i.both"
            " FROM unnest(%s::text[], %s::text[]) AS k(rule, alike)"
            " JOIN alerts_inhibitor i ON i.rule = k.rule AND i.alike = k.alike"
            " JOIN alerts_alert a ON a.id = i.alert_id WHERE a.status = 'firing'",
            [[rule for rule, _ in keys], [alike for _, alike in keys]],
        )
        return [Source(*row) for row in cursor.fetchall()]


def orphaned() -> list[int]:
    """Alerts that are still held by one which fires no more, or by a rule which is no more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT h.alert_id FROM alerts_hold h WHERE h.ended_at IS NULL"
            " AND h.kind = 'inhibition' AND NOT EXISTS (SELECT 1 FROM alerts_inhibitor i"
            " JOIN alerts_alert a ON a.id = i.alert_id"
            " WHERE a.id = h.by::bigint AND a.status = 'firing') LIMIT 500"
        )
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def save_suppression(
    *, actor: Actor, definition: dict[str, Any], now: datetime, from_file: bool = False
) -> None:
    """Inhibitions and storm mode, in the configuration form, checked where it was read. `{}`: none."""
    require(actor, Permission.CONFIGURE)
    row = SuppressionRules.objects.select_for_update().order_by("pk").first() or SuppressionRules()
    if row.pk and row.from_file and not from_file:
        raise Conflict("Inhibitions and storm mode come from a file; change them there or unlock them.")
    changed = row.definition.get("inhibitions") != definition.get("inhibitions")
    row.definition, row.from_file = definition, from_file
    row.save()
    if changed:
        _register_all(inhibitions_of(definition), now)
    audit.record(
        actor=actor,
        action="suppression.changed",
        target_kind="suppression",
        target_id=1,
        target_label="inhibitions and storm mode",
        now=now,
    )


def _register_all(rules: Sequence[Inhibition], now: datetime) -> None:
    Inhibitor.objects.all().delete()
    Hold.objects.filter(kind="inhibition", ended_at=None).update(until=now)
    if not rules:
        return
    ways = {each.id: each for each in integrations.integrations()}
    waiting: list[tuple[Alert, Facts]] = []
    firing = Alert.objects.filter(status="firing", integration__canary=False)
    for alert in firing.iterator(_AT_ONCE):
        if way := ways.get(alert.integration_id):
            waiting.append((alert, facts_of(alert, way, ())))
        if len(waiting) >= _AT_ONCE:
            register(waiting, rules, now)
            waiting = []
    register(waiting, rules, now)
