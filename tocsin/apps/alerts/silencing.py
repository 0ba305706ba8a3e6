"""Silences and maintenance windows: made, changed, ended. What they hold follows within a second, by the
worker (`holding.lay_over`, and the release of holds that are due).
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from tocsin.apps.alerts import silenced
from tocsin.apps.alerts.models import Hold, Silence
from tocsin.apps.alerts.types import SilenceInfo, SilenceSpec
from tocsin.apps.audit import actions as audit
from tocsin.apps.catalog.models import Service
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.routing import parse_matcher
from tocsin.domain.suppression import SilenceKind, Span, check_rule
from tocsin.domain.suppression.silences import too_broad
from tocsin.domain.time import parse_zone
from tocsin.lib import ids, pg

_LONGEST: Final = timedelta(days=366)
_MOST_MATCHERS: Final = 50
_MOST_WORDS: Final = 4000
_OF_FILES: Final = UUID("0c9a6a4e-5a4e-4c57-9f9a-3d1a3f1f6a01")


@transaction.atomic
def save_silence(*, actor: Actor, spec: SilenceSpec, now: datetime, from_file: bool = False) -> SilenceInfo:
    """Make one, or change the one of `spec.uid`; one that has ended stays ended, and a new one is made.
    Raises Invalid, NotFound, and Conflict for one that a file owns.
    """
    require(actor, Permission.RESPOND)
    row = _existing(spec, from_file=from_file)
    if row is not None and row.from_file and not from_file:
        raise Conflict(f"“{row.name}” comes from a file; change it there or unlock it.")
    over = row is not None and (row.ended_at is not None or (not row.rrule and row.ends_at <= now))
    if row is None or (over and not from_file):
        row = Silence(uid=UUID(ids.new_id()) if not from_file else _uid_of(spec), created_at=now)
        row.created_by_id = actor.id if actor.is_person else None
        row.created_label = (spec.author or actor.label)[:255]
        row.kind = spec.kind
    created = row.pk is None
    row.from_file, row.changed_at = from_file, now
    _fill(row, spec, now)
    row.swept_at = row.told_at = row.ended_at = None
    row.save()
    if not created:
        _look_again(row, now)
    _record(actor, "created" if created else "changed", row, now)
    return silenced.info_of(row, now)


@transaction.atomic
def expire_silence(*, actor: Actor, uid: str, now: datetime, from_file: bool = False) -> SilenceInfo:
    """It ends now, and what it alone holds is decided again. One that has ended already is left as it is."""
    require(actor, Permission.RESPOND)
    row = _locked(uid)
    if row.from_file and not from_file:
        raise Conflict(f"“{row.name}” comes from a file; remove it there or unlock it.")
    if row.ended_at is None and (row.rrule or row.ends_at > now):
        row.ended_at = row.changed_at = now
        row.save()
        _look_again(row, now)
        _record(actor, "expired", row, now)
    return silenced.info_of(row, now)


@transaction.atomic
def extend_silence(*, actor: Actor, uid: str, by: timedelta, now: datetime) -> SilenceInfo:
    """That much longer, counted from its end. Raises Conflict for one that has ended or recurs."""
    require(actor, Permission.RESPOND)
    row = _locked(uid)
    if row.from_file:
        raise Conflict(f"“{row.name}” comes from a file; change it there or unlock it.")
    if row.rrule:
        raise Conflict("It recurs: change its length instead.")
    if row.ended_at is not None or row.ends_at <= now:
        raise Conflict("It has ended; make a new one.")
    if by <= timedelta(0) or row.ends_at + by - row.starts_at > _LONGEST:
        raise Invalid(FieldError("by", "expected a time that makes it a year long at most"))
    row.ends_at += by
    row.changed_at, row.told_at = now, None
    row.save()
    _look_again(row, now)
    _record(actor, "extended", row, now)
    return silenced.info_of(row, now)


def _existing(spec: SilenceSpec, *, from_file: bool) -> Silence | None:
    if from_file:
        return Silence.objects.select_for_update().filter(uid=_uid_of(spec)).first()
    return _locked(spec.uid) if spec.uid else None


def _uid_of(spec: SilenceSpec) -> UUID:
    """Of one from a file: its name is unique among those of its kind."""
    return uuid5(_OF_FILES, f"{spec.kind}/{spec.name}")


def _locked(uid: str) -> Silence:
    row = Silence.objects.select_for_update().filter(uid=silenced.read_uid(uid)).first()
    if row is None:
        raise NotFound("silence", uid)
    return row


def _fill(row: Silence, spec: SilenceSpec, now: datetime) -> None:
    """Raises Invalid that names every field at fault."""
    wrong: list[FieldError] = []
    if spec.kind not in set(SilenceKind):
        wrong.append(FieldError("kind", "expected silence or maintenance"))
    row.matchers = _matchers(spec, wrong)
    known = set(Service.objects.filter(name__in=spec.services).values_list("name", flat=True))
    wrong += [FieldError("services", f"there is no service “{n}”") for n in spec.services if n not in known]
    row.services = list(dict.fromkeys(spec.services))
    try:
        zone = parse_zone(spec.zone)
    except ValueError as error:
        wrong.append(FieldError("zone", str(error)))
        zone = ZoneInfo("UTC")
    _fill_times(row, spec, zone, now, wrong)
    if len(spec.comment) > _MOST_WORDS:
        wrong.append(FieldError("comment", f"at most {_MOST_WORDS} characters"))
    if spec.notice is not None and not timedelta(0) < spec.notice < row.ends_at - row.starts_at:
        wrong.append(FieldError("notice", "expected a time shorter than it lasts, such as 30m"))
    if wrong:
        raise Invalid(*wrong)
    row.comment, row.name = spec.comment.strip().replace("\0", ""), spec.name[:128].replace("\0", "")
    row.notice = spec.notice


def _fill_times(
    row: Silence, spec: SilenceSpec, zone: ZoneInfo, now: datetime, wrong: list[FieldError]
) -> None:
    row.starts_at, row.ends_at = spec.starts_at.astimezone(UTC), spec.ends_at.astimezone(UTC)
    row.zone, row.rrule = spec.zone, ""
    if row.ends_at <= row.starts_at:
        wrong.append(FieldError("ends_at", "expected a time after the start"))
    elif row.ends_at - row.starts_at > _LONGEST:
        wrong.append(FieldError("ends_at", "at most a year after the start"))
    elif spec.rrule.strip():
        try:
            row.rrule = check_rule(spec.rrule, Span(row.starts_at, row.ends_at), zone)
        except ValueError as error:
            wrong.append(FieldError("rrule", str(error)))
    elif row.ends_at <= now and not row.from_file:
        wrong.append(FieldError("ends_at", "that is over already"))


def _matchers(spec: SilenceSpec, wrong: list[FieldError]) -> list[str]:
    read = []
    for text in spec.matchers[:_MOST_MATCHERS]:
        try:
            read.append(parse_matcher(text.replace("\0", "")))
        except ValueError as error:
            wrong.append(FieldError("matchers", f"“{text[:80]}”: {error}"))
    if len(spec.matchers) > _MOST_MATCHERS:
        wrong.append(FieldError("matchers", f"at most {_MOST_MATCHERS}"))
    if not wrong and not spec.services and too_broad(read):
        text = "this would hit every alert there is: name a label's value, or a service"
        wrong.append(FieldError("matchers", text))
    return [str(matcher) for matcher in read]


def _look_again(row: Silence, now: datetime) -> None:
    """What it holds is asked anew: it may be held no longer, or until another time."""
    open_ = Hold.objects.filter(kind=row.kind, by=str(row.uid), ended_at=None)
    open_.update(until=now)


def _record(actor: Actor, deed: str, row: Silence, now: datetime) -> None:
    label = row.name or row.comment or ", ".join(row.matchers) or ", ".join(row.services)
    audit.record(
        actor=actor,
        action=f"{row.kind}.{deed}",
        target_kind=row.kind,
        target_id=row.uid,
        target_label=label,
        data={
            "matchers": row.matchers,
            "services": row.services,
            "from": row.starts_at.isoformat(),
            "until": row.ends_at.isoformat(),
            "rrule": row.rrule,
        },
        now=now,
    )
    with connection.cursor() as cursor:
        pg.notify(cursor, "tocsin_live", json.dumps({"kind": "silence", "id": str(row.uid)}))
