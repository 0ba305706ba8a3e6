"""Somebody leaves: whoever is named takes their places, and nobody else's shifts move."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q

from tocsin.apps.identity.models import User
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.actions.common import AHEAD, record, tell, watching
from tocsin.apps.oncall.actions.overrides import end as end_override
from tocsin.apps.oncall.actions.pasts import keep_past, past_form
from tocsin.apps.oncall.actions.swaps import let_go
from tocsin.apps.oncall.models import Override, Rotation, Schedule
from tocsin.apps.oncall.overriding import what_is_left
from tocsin.domain.configuration.rota import rotation_form, schedule_form
from tocsin.domain.errors import Conflict
from tocsin.domain.permissions import Actor
from tocsin.domain.schedule import OverrideKind, resolve
from tocsin.domain.schedule import Rotation as Ring
from tocsin.domain.schedule.revision import names_person, replace_person
from tocsin.domain.time import to_instant
from tocsin.ports.events import Leaving


@dataclass(frozen=True)
class _Places:
    """Where somebody is still counted on. `replaced`: overrides for times that are theirs by a rotation."""

    rotations: tuple[Rotation, ...]
    schedules: tuple[Schedule, ...]  # as fallback
    overrides: tuple[Override, ...]
    replaced: tuple[Override, ...]

    def said(self) -> list[str]:
        counts = Counter(row.schedule for row in self.overrides)
        return [
            *(f"rotation {row.name}" for row in self.rotations),
            *(f"the fallback of {row.name}" for row in self.schedules),
            *(f"{count} overrides of {name}" for name, count in sorted(counts.items())),
        ]

    def in_files(self) -> list[str]:
        overrides = {row.schedule for row in (*self.overrides, *self.replaced) if row.from_file}
        return [
            *(f"rotation {row.name}" for row in self.rotations if row.from_file),
            *(f"the fallback of {row.name}" for row in self.schedules if row.from_file),
            *(f"the overrides of {name}" for name in sorted(overrides)),
        ]


def leave(news: Leaving) -> None:
    """In the transaction in which they leave. Raises Conflict where nobody is named for what they have, and
    where a file names them.
    """
    email, actor, now = news.email, news.actor, news.at
    with watching(actor, None, now, f"{email} left") as watch:
        watch.told |= {email}
        watch.told |= let_go(email, actor, now)
        places = _places(email, now)
        if files := places.in_files():
            raise Conflict(
                f"{email} is named in configuration files: {', '.join(files)}. First change the files."
            )
        shifts = _shifts(email, now)
        if news.replacement is not None:
            _replace(places, email, news.replacement, actor, now)
        elif shifts or places.said():
            where = f" in {', '.join(places.said())}" if places.said() else ""
            raise Conflict(f"{shifts or f'{email} is still counted on.'} Name who takes their place{where}.")


def _places(email: str, now: datetime) -> _Places:
    definitions, pasts, rings = queries.rotation_definitions(), queries.pasts(), queries.book().rotations
    naming = {
        name
        for name, definition in definitions.items()
        if not _is_over(rings.get(name), now)
        and (
            names_person(definition, email)
            or any(names_person(past.definition, email) for past in pasts.get(name, ()) if past.until > now)
        )
    }
    fallback = {name for name, one in queries.schedule_definitions().items() if email in one.fallback}
    ahead = (
        Override.objects.select_for_update(of=("self",))
        .filter(Q(user__email=email) | Q(replaces__email=email), end__gt=now)
        .select_related("user", "replaces", "swap__taker")
    )
    overrides = tuple(row for row in ahead if row.user is not None and row.user.email == email)
    return _Places(
        tuple(Rotation.objects.select_for_update().filter(name__in=naming).order_by("name")),
        tuple(Schedule.objects.select_for_update().filter(name__in=fallback).order_by("name")),
        overrides,
        tuple(row for row in ahead if naming and row not in overrides),
    )


def _is_over(ring: Ring | None, now: datetime) -> bool:
    return ring is not None and ring.until is not None and to_instant(ring.until, ring.zone) <= now


def _shifts(email: str, now: datetime) -> str:
    found = queries.shifts_of(email, now, now + AHEAD)
    if not found:
        return ""
    first = min(shift.start for _, shift in found)
    counts = Counter(name for name, _ in found)
    listed = ", ".join(f"{count} on {name}" for name, count in sorted(counts.items()))
    since = f"the first from {first:%Y-%m-%d %H:%M} UTC"
    return f"{email} has shifts in the next {AHEAD.days} days: {listed}; {since}."


def _replace(places: _Places, email: str, by: str, actor: Actor, now: datetime) -> None:
    data = {"from": email, "to": by}
    revision = replace_person(queries.rotation_definitions(), queries.pasts(), email, by, now)
    for row in places.rotations:
        definition = revision.definitions[row.name]
        row.definition = rotation_form(replace(definition, ring_offset=None))
        row.past = [past_form(past) for past in revision.pasts[row.name]]
        row.save(update_fields=["definition", "past"])
        record(actor, "rotation.person_replaced", "rotation", row.name, data, now)
    schedules = queries.schedule_definitions()
    for plan in places.schedules:
        before = schedules[plan.name]
        fallback = tuple(dict.fromkeys(by if one == email else one for one in before.fallback))
        after = replace(before, fallback=fallback, overrides=(), team=None)
        keep_past(plan, after, now)
        plan.definition = schedule_form(after)
        plan.save(update_fields=["definition", "past"])
        record(actor, "schedule.person_replaced", "schedule", plan.name, data, now)
    person = User.objects.get(email=by)
    for override in (*places.overrides, *places.replaced):
        _hand_on(override, email, person, now)
        record(actor, "override.person_replaced", "schedule", override.schedule, data, now)
    _cover_echoes(email, person, actor, now)
    tell([row.name for row in places.rotations])


def _hand_on(row: Override, email: str, by: User, now: datetime) -> None:
    """What has begun ends, and goes on as another of the same rank: the past stays as it was."""
    until, swap = row.end, row.swap
    if what_is_left(row, now) is not None:
        end_override(row, now)
        row.pk, row.start, row.end = None, row.end, until
    if row.user is not None and row.user.email == email:
        row.user = by
        # The calendar goes on to name who left: its next reading must not take this back.
        row.calendar, row.uid = None, ""
    if row.replaces is not None and row.replaces.email == email:
        row.replaces = by
    if row.user is not None and row.user == row.replaces:
        if row.pk is not None:
            row.delete()  # it would replace somebody by themselves
    else:
        row.save()
    if swap is not None and swap.taker is not None and swap.taker.email == email:
        swap.taker = by
        swap.save(update_fields=["taker"])


def _cover_echoes(email: str, by: User, actor: Actor, now: datetime) -> None:
    """A rotation that follows another by days has them for so long yet: what was, later."""
    made = queries.book(since=now)
    for name in made.names:
        plan = made.schedule(name)
        rings = [made.rotations.get(layer.rotation) for layer in plan.layers] if plan else []
        until = max((ring.since for ring in rings if ring and ring.since), default=now)
        left = [one.end for one in resolve(made, plan, now, until) if one.user == email] if plan else []
        if left:
            row = Override.objects.create(
                schedule=name,
                start=now.replace(second=0, microsecond=0),
                end=max(left),
                kind=OverrideKind.REPLACE,
                user=by,
                replaces=User.objects.get(email=email),
                created_at=now,
                created_by=actor.label[:255],
            )
            data = {"from": email, "to": by.email, "end": row.end.isoformat()}
            record(actor, "override.created", "schedule", name, data, now)
