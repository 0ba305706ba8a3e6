"""What a tool tells later of an alert that it has open: another message, another priority, a tag more. Such
an update opens nothing and counts for nothing; what it changes is decided as a repeat would be.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tocsin.apps.alerts.incoming import Incoming
from tocsin.apps.alerts.intake import FIRING
from tocsin.apps.alerts.models import Alert
from tocsin.domain.signal import EventAction, Image, Link, Signal

_Key = tuple[int, str]


def amended(incoming: Sequence[Incoming]) -> list[Incoming]:
    """The batch with each update as the trigger that it makes of what was said before; one about what is not
    open is nobody's.
    """
    if not any(each.signal.action is EventAction.UPDATE for each in incoming):
        return list(incoming)
    rows = _open(each for each in incoming if each.signal.action is EventAction.UPDATE)
    found: list[Incoming] = []
    last: dict[_Key, int] = {}  # where in `found` a key was triggered last
    for each in incoming:
        key = each.integration.id, each.signal.dedup_key
        if each.signal.action is EventAction.UPDATE:
            _amend(each, key, rows, found, last)
            continue
        if each.signal.action is EventAction.TRIGGER:
            last[key] = len(found)
        elif each.signal.action is EventAction.RESOLVE:
            rows.pop(key, None)
            last.pop(key, None)
        found.append(each)
    return found


def _amend(
    each: Incoming, key: _Key, rows: dict[_Key, Alert], found: list[Incoming], last: dict[_Key, int]
) -> None:
    row = rows.get(key)
    if row is not None:
        said = _merged(_said(row), each.signal)
        row.summary, row.annotations = said.summary, dict(said.annotations)
        row.save(update_fields=["summary", "annotations"])
    if key in last:
        before = found[last[key]]
        found[last[key]] = replace(before, signal=_merged(before.signal, each.signal))
    elif row is not None:
        last[key] = len(found)
        found.append(replace(each, signal=_merged(_said(row), each.signal), count=0))


def _open(updates: Iterable[Incoming]) -> dict[_Key, Alert]:
    listed = list(updates)
    rows = Alert.objects.filter(
        integration_id__in={each.integration.id for each in listed},
        dedup_key__in={each.signal.dedup_key for each in listed},
        status=FIRING,
    )
    return {(row.integration_id, row.dedup_key): row for row in rows.select_for_update(no_key=True)}


def _said(row: Alert) -> Signal:
    return Signal(
        EventAction.TRIGGER,
        row.dedup_key,
        summary=row.summary,
        severity=row.word or None,
        source=row.source,
        labels=row.labels,
        annotations=row.annotations,
        links=tuple(Link(each["href"], each.get("text", "")) for each in row.links),
        started_at=row.started_at,
        expires_at=row.expires_at,
        images=tuple(Image(each["src"], each.get("href", ""), each.get("alt", "")) for each in row.images),
        details=row.details,
        fingerprint=row.fingerprint,
    )


def _merged(before: Signal, update: Signal) -> Signal:
    labels = {**before.labels, **update.labels}
    annotations = {**before.annotations, **update.annotations}
    return replace(
        before,
        summary=update.summary or before.summary,
        severity=update.severity or before.severity,
        labels={name: value for name, value in labels.items() if value},
        annotations={name: value for name, value in annotations.items() if value},
    )
