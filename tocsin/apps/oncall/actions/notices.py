from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from tocsin.apps.identity.models import User
from tocsin.apps.oncall.actions.common import record
from tocsin.apps.oncall.models import NoticeSettings
from tocsin.apps.oncall.queries.notices import notice_of
from tocsin.apps.oncall.types import NoticeInfo
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.schedule.notices import LONGEST_LEAD
from tocsin.domain.time import format_duration

_MOST: Final = 5
_SHORTEST: Final = timedelta(minutes=1)


@transaction.atomic
def set_notices(
    *,
    actor: Actor,
    email: str,
    on: tuple[timedelta, ...],
    off: tuple[timedelta, ...],
    handoff: bool,
    moved: bool,
    now: datetime,
) -> NoticeInfo:
    """What a person hears of their own duty, all of it at once. Raises NotFound and Invalid."""
    mine = actor.email == email.lower()
    require(actor, Permission.EDIT_SELF if mine else Permission.MANAGE_PEOPLE)
    user = User.objects.filter(email=email.lower()).first()
    if user is None:
        raise NotFound("user", email)
    values = {
        "on_s": _seconds("on", on),
        "off_s": _seconds("off", off),
        "handoff": handoff,
        "moved": moved,
    }
    row, _ = NoticeSettings.objects.update_or_create(user=user, defaults=values)
    record(actor, "notices.set", "user", user.email, values, now)
    return notice_of(row)


def _seconds(name: str, leads: Iterable[timedelta]) -> list[int]:
    several = sorted(set(leads), reverse=True)
    if len(several) > _MOST:
        raise Invalid(FieldError(name, f"expected at most {_MOST} times"))
    if any(not _SHORTEST <= lead <= LONGEST_LEAD for lead in several):
        longest = format_duration(LONGEST_LEAD)
        raise Invalid(FieldError(name, f"expected times between 1m and {longest} before a shift"))
    return [int(lead.total_seconds()) for lead in several]
