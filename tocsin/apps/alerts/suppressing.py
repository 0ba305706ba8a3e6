"""The configuration of suppression, read once for many alerts."""

from typing import Any, Final

from django.db import connection

from tocsin.apps.alerts.models import Alert, Silence, SuppressionRules
from tocsin.apps.integrations.types import IntegrationInfo
from tocsin.domain import suppression
from tocsin.domain.routing import parse_matcher
from tocsin.domain.suppression import Facts, Inhibition, Rules, SilenceIndex, SilenceKind, Storm
from tocsin.domain.time import parse_duration, zone_or_utc

_TITLE: Final = 120
# Of each row the transaction that wrote it last, rather than when it was changed: the clocks of two hosts
# differ, and of two changes the earlier may be committed later. Asked for every batch, so not by content.
_VERSION: Final = """
SELECT count(*), sum(hashint8extended(id, xmin::text::bigint)) FROM alerts_silence WHERE ended_at IS NULL
"""


class _Kept:
    """The index of silences, for as long as no silence was touched: there may be thousands."""

    def __init__(self) -> None:
        self._kept: tuple[object, SilenceIndex] | None = None

    def get(self) -> SilenceIndex:
        with connection.cursor() as cursor:
            cursor.execute(_VERSION)
            version = cursor.fetchone()
        kept = self._kept
        if kept is None or kept[0] != version:
            rows = Silence.objects.filter(ended_at=None)
            kept = self._kept = (version, SilenceIndex(tuple(value_of(row) for row in rows)))
        return kept[1]


_silences = _Kept()


def rules() -> Rules:
    row = SuppressionRules.objects.order_by("pk").first()
    definition = row.definition if row else {}
    return Rules(_silences.get(), inhibitions_of(definition), storm_of(definition))


def inhibitions_of(definition: dict[str, Any]) -> tuple[Inhibition, ...]:
    return tuple(
        Inhibition(
            each["name"],
            tuple(parse_matcher(text) for text in each["source"]),
            tuple(parse_matcher(text) for text in each["target"]),
            tuple(each.get("equal", ())),
        )
        for each in definition.get("inhibitions", ())
    )


def storm_of(definition: dict[str, Any]) -> Storm | None:
    given = definition.get("storm")
    return Storm(int(given["alerts"]), parse_duration(given["within"])) if given else None


def value_of(row: Silence) -> suppression.Silence:
    title = row.name or row.comment or ", ".join(row.matchers) or ", ".join(row.services)
    return suppression.Silence(
        uid=str(row.uid),
        kind=SilenceKind(row.kind),
        matchers=tuple(parse_matcher(text) for text in row.matchers),
        services=tuple(row.services),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        rrule=row.rrule,
        zone=zone_or_utc(row.zone),
        title=f"{title[:_TITLE]}” by “{row.created_label}"[:200],
    )


def facts_of(alert: Alert, integration: IntegrationInfo, services: tuple[str, ...]) -> Facts:
    """As matchers of routes see it (`domain.signal.facts`)."""
    seen = dict(alert.labels)
    seen |= {
        "integration": integration.name,
        "kind": integration.kind,
        "dedup_key": alert.dedup_key,
        "summary": alert.summary,
    }
    if alert.source:
        seen["source"] = alert.source
    if alert.word and "severity" not in alert.labels:
        seen["severity"] = alert.word
    return Facts(seen, services)
