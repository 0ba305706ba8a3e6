"""Repeats that say what was said before, which is most of a storm: counted by one statement, and their alerts
are not even read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Final

from django.db import connection

from tocsin.apps.alerts.incoming import Incoming
from tocsin.domain.signal import EventAction

Key = tuple[int, str]  # of an integration: its id and the dedup key

# Each looked up and locked alone, and written by nothing but its id: of a table that fills by the second the
# planner's statistics are behind, and it would rather read all of it.
_FIRING: Final = """
SELECT v.integration, v.key, a.id, a.said FROM unnest(%s::bigint[], %s::text[]) AS v(integration, key)
CROSS JOIN LATERAL (
  SELECT id, said FROM alerts_alert
  WHERE integration_id = v.integration AND dedup_key = v.key AND status = 'firing'
  LIMIT 1 FOR NO KEY UPDATE) AS a
"""
_COUNT: Final = """
UPDATE alerts_alert a SET count = a.count + v.count, last_seen_at = GREATEST(a.last_seen_at, v.seen),
  expires_at = v.expires, stale = false
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS v(id, count, seen, expires)
WHERE a.id = v.id
RETURNING a.integration_id, a.dedup_key, a.count
"""


@dataclass(slots=True)
class _Run:
    """All that a batch has of one key, as long as it is one and the same trigger."""

    said: str
    count: int
    seen: datetime
    expires: datetime | None


def firing(incoming: Sequence[Incoming]) -> dict[Key, tuple[int, str]]:
    """Of each key the alert that fires now, locked: its id, and the digest of what was said."""
    keys = sorted({(each.integration.id, each.dedup_key) for each in incoming})
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_FIRING, [[number for number, _ in keys], [key for _, key in keys]])
        return {(number, key): (pk, said) for number, key, pk, said in cursor.fetchall()}


def counted(incoming: Sequence[Incoming], known: Mapping[Key, tuple[int, str]]) -> dict[Key, int]:
    """The keys of which the batch has nothing but such repeats, now written, each with its new count.
    `known`: what `firing` gave. The caller holds their lanes.
    """
    runs: dict[Key, _Run | None] = {}
    for each in incoming:
        key = each.integration.id, each.dedup_key
        if key in known:
            runs[key] = _longer(runs[key], each) if key in runs else _run(each)
    plain = [
        (known[key][0], run) for key, run in runs.items() if run is not None and run.said == known[key][1]
    ]
    plain.sort(key=itemgetter(0))
    if not plain:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            [
                [pk for pk, _ in plain],
                [run.count for _, run in plain],
                [run.seen for _, run in plain],
                [run.expires for _, run in plain],
            ],
        )
        return {(row[0], row[1]): row[2] for row in cursor.fetchall()}


def _run(each: Incoming) -> _Run | None:
    signal = each.signal
    if signal.action is not EventAction.TRIGGER or signal.unless_heard_since is not None:
        return None
    return _Run(each.said, each.count, each.received_at, signal.expires_at)


def _longer(run: _Run | None, each: Incoming) -> _Run | None:
    more = _run(each)
    if run is None or more is None or run.said != more.said:
        return None
    return _Run(run.said, run.count + more.count, max(run.seen, more.seen), more.expires)
