"""What "ack all" covers: the list that asked for it, and not what came after."""

from collections.abc import Collection, Sequence

from django.db.models import Q

from tocsin.apps.incidents.types import IncidentRow
from tocsin.apps.notify.models import Notification, NotificationState


def split(
    rows: Sequence[IncidentRow], users: Collection[int], address: str
) -> tuple[list[IncidentRow], list[IncidentRow]]:
    """Those told here by the time of the latest list that names one of them, and those told since. Without
    such a list: all, and none.
    """
    here = Notification.objects.filter(page__user__in=users, address=address)
    ids = [row.id for row in rows]
    lists = here.filter(sent_at__isnull=False, carries__state=NotificationState.BUNDLED).filter(
        Q(carries__page__incident_id__in=ids) | Q(page__incident_id__in=ids)
    )
    latest = lists.order_by("-sent_at").values_list("sent_at", flat=True).first()
    if latest is None:
        return list(rows), []
    told = here.filter(Q(sent_at__lte=latest) | Q(carried_by__sent_at__lte=latest))
    covered = set(told.values_list("page__incident_id", flat=True))
    return [row for row in rows if row.id in covered], [row for row in rows if row.id not in covered]
