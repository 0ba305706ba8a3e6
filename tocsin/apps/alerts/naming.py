"""By which dedup key an event's alert is known: the tool's own, or what a route's template makes of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import connection

from tocsin.apps.alerts.directory import Directory
from tocsin.apps.alerts.incoming import Incoming
from tocsin.apps.alerts.models import Alert
from tocsin.domain import deciding
from tocsin.domain.signal import EventAction
from tocsin.lib import ids


def named(incoming: Sequence[Incoming], directory: Directory, now: datetime) -> Sequence[Incoming]:
    """Each with its key. What ends an alert often says no labels: it is found by the tool's own key then.

    Events of one tool's key share a lane, but several keys may have become one: a lock keeps two workers from
    opening it twice.
    """
    if not directory.routes.renames:
        return incoming
    given: dict[tuple[int, str], str] = {}
    done: list[Incoming] = []
    for each in incoming:
        own, integration = each.signal.dedup_key, each.integration
        key = own if integration.canary else deciding.key_of(each.signal, integration, directory.around, now)
        if each.signal.action is EventAction.TRIGGER:
            given[integration.id, own] = key
        elif key == own:
            key = given.get((integration.id, own), own)
        done.append(replace(each, key=key))
    done = _found(done)
    _lock({f"alert:{each.integration.id}:{each.dedup_key}" for each in done})
    return done


def _found(incoming: "list[Incoming]") -> "list[Incoming]":
    """Those that end or acknowledge what an earlier batch gave another key."""
    asked = {
        (each.integration.id, each.dedup_key)
        for each in incoming
        if each.signal.action is not EventAction.TRIGGER and each.dedup_key == each.signal.dedup_key
    }
    if not asked:
        return incoming
    rows = Alert.objects.filter(
        integration_id__in={number for number, _ in asked},
        source_key__in={key for _, key in asked},
        status="firing",
    ).values_list("integration_id", "source_key", "dedup_key")
    known = {(number, own): key for number, own, key in rows}
    return [
        replace(each, key=known[each.integration.id, each.dedup_key])
        if (each.integration.id, each.dedup_key) in known and each.signal.action is not EventAction.TRIGGER
        else each
        for each in incoming
    ]


def _lock(keys: set[str]) -> None:
    numbers = sorted({ids.number_key(key) for key in keys})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(k) FROM unnest(%s::bigint[]) AS k", [numbers])
