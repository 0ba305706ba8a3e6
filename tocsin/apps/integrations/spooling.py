"""Telling the administrators that events had to wait on a door's disk."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from tocsin.apps.integrations.models import Spooling
from tocsin.lib import bus
from tocsin.ports.events import AdminWord

# A restart of the database is no news.
_WORTH_A_WORD: Final = timedelta(seconds=10)
_HALF: Final = 0.5


@transaction.atomic
def tell(now: datetime) -> int:
    """A word for each such time, once all of it is in the event log. The number told."""
    rows = list(Spooling.objects.select_for_update(skip_locked=True).filter(told=False).order_by("pk")[:20])
    for row in rows:
        if row.ended_at - row.began_at >= _WORTH_A_WORD or row.share >= _HALF:
            kept = (
                f"From {row.began_at:%Y-%m-%d %H:%M:%S} to {row.ended_at:%H:%M:%S} UTC the database did not"
                f" take events: {row.events} were kept on disk and are in the event log now, in order."
            )
            full = f"The spool was {row.share:.0%} full at most; once full it refuses. See TOCSIN_SPOOL_MB."
            lines = (kept, full)
            bus.publish(AdminWord("Events had to wait for the database", lines, now, f"spooling:{row.pk}"))
        row.told = True
        row.save(update_fields=["told"])
    return len(rows)
