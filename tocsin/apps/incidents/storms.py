"""Storm mode: too many new alerts at once to read one by one. While it lasts, a service's alerts share one
incident, so that whoever is on call there is called once; what is worse calls again, and a SEV1 stays alone.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from tocsin.apps.alerts.intake import Happening, Placement, What
from tocsin.apps.alerts.models import Alert
from tocsin.apps.incidents.changes import Diary
from tocsin.apps.incidents.locking import lock_incidents
from tocsin.apps.incidents.models import Incident, Storm
from tocsin.apps.incidents.surroundings import Surroundings
from tocsin.domain.lifecycle import OPEN
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Severity
from tocsin.domain.suppression import QUIET
from tocsin.domain.suppression import Storm as Setting
from tocsin.lib import pg

_LOCK: Final = "storm"
_GROUP: Final = "storm:"
BEGUN: Final = (
    "A storm of alerts: further ones of this service join this incident and call nobody anew, but for a SEV1"
    " and for what is worse"
)


def current() -> Storm | None:
    return Storm.objects.filter(ended_at=None).first()


def collapsed(happenings: Sequence[Happening], around: Surroundings, now: datetime) -> list[Happening]:
    """While a storm lasts, what fires goes into its service's one incident."""
    setting = around.directory.suppression.storm
    if setting is None or not any(one.what is What.FIRED for one in happenings):
        return list(happenings)
    storm = _raging(setting, now)
    if storm is None:
        return list(happenings)
    return [
        replace(one, placements=tuple(_gathered(each, storm, setting) for each in one.placements))
        if one.what is What.FIRED
        else one
        for one in happenings
    ]


def _raging(setting: Setting, now: datetime) -> Storm | None:
    """The storm that lasts, or one that begins with what has fired just now."""
    newest = Alert.objects.filter(integration__canary=False).order_by("-pk")
    # The oldest of as many as it takes, without counting all there are.
    oldest = newest.values_list("first_seen_at", flat=True)[setting.alerts - 1 : setting.alerts].first()
    many = oldest is not None and oldest > now - setting.within
    storm = current()
    if not many:
        return storm
    if storm is not None:
        Storm.objects.filter(pk=storm.pk, last_at__lt=now).update(last_at=now)
        return storm
    with connection.cursor() as cursor:
        pg.lock(cursor, _LOCK)  # another worker may see it too
    return current() or Storm.objects.create(began_at=now, last_at=now)


def _gathered(placement: Placement, storm: Storm, setting: Setting) -> Placement:
    if placement.severity in {None, Severity.SEV1} or placement.service.canary:
        return placement
    why = (
        f"more than {setting.alerts} new alerts at once: those of {placement.service.name} share an incident"
    )
    return replace(
        placement,
        group_key=f"{_GROUP}{storm.pk}",
        group_within=None,
        group_limit=None,
        reasons=(*placement.reasons, ("storm", "one incident for the service", why)),
    )


def is_storm(group_key: str) -> bool:
    return group_key.startswith(_GROUP)


def end_quiet(now: datetime) -> int:
    """It is over when there have not been too many for ten minutes. The number that ended."""
    storm = current()
    if storm is None or now < storm.last_at + QUIET:
        return 0
    with transaction.atomic():
        row = Storm.objects.select_for_update().filter(pk=storm.pk, ended_at=None).first()
        if row is None or now < row.last_at + QUIET:
            return 0
        Storm.objects.filter(pk=row.pk).update(ended_at=now)
        ids = Incident.objects.filter(group_key=f"{_GROUP}{row.pk}", status__in=OPEN).values_list(
            "pk", flat=True
        )
        diary = Diary(SYSTEM, now)
        for incident in lock_incidents(ids).values():
            diary.note(
                incident, "storm_over", "The storm is over: new alerts open incidents of their own again"
            )
        diary.write()
    return 1


__all__ = ["collapsed", "current", "end_quiet", "is_storm"]
