"""Repeats that say what was said before, which is most of a storm: counted by one statement, and their alerts
are not even read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from tocsin.apps.alerts.incoming import Incoming
from tocsin.domain.signal import EventAction

Key = tuple[int, str]  # of an integration: its id and the dedup key

# An alert that says something else by now is left, and so is one that fires no more.
_COUNT: Final = """
UPDATE alerts_alert a SET count = a.count + v.count, last_seen_at = GREATEST(a.last_seen_at, v.seen),
  expires_at = v.expires, stale = false
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
  AS v(integration, key, said, count, seen, expires)
WHERE a.integration_id = v.integration AND a.dedup_key = v.key AND a.status = 'firing' AND a.said = v.said
RETURNING a.integration_id, a.dedup_key, a.count
"""


@dataclass(slots=True)
class _Run:
    """All that a batch has of one key, as long as it is one and the same trigger."""

    said: str
    count: int
    seen: datetime
    expires: datetime | None


def counted(incoming: Sequence[Incoming]) -> dict[Key, int]:
    """The keys of which the batch has nothing but such repeats, now written, each with its new count.

    The caller holds their lanes.
    """
    runs: dict[Key, _Run | None] = {}
    for each in incoming:
        key = each.integration.id, each.dedup_key
        signal = each.signal
        if signal.action is not EventAction.TRIGGER or signal.unless_heard_since is not None:
            runs[key] = None
        elif key not in runs:
            runs[key] = _Run(each.said, each.count, each.received_at, signal.expires_at)
        elif (run := runs[key]) is not None:
            if run.said == each.said:
                run.count += each.count
                run.seen = max(run.seen, each.received_at)
                run.expires = signal.expires_at
            else:
                runs[key] = None
    plain = [(key, run) for key, run in runs.items() if run is not None]
    if not plain:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            [
                [number for (number, _), _ in plain],
                [key for (_, key), _ in plain],
                [run.said for _, run in plain],
                [run.count for _, run in plain],
                [run.seen for _, run in plain],
                [run.expires for _, run in plain],
            ],
        )
        return {(row[0], row[1]): row[2] for row in cursor.fetchall()}
