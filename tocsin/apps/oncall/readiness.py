"""The test page before a shift: asked, confirmed through its link, and told to others when it was not.

A link acts as the person who got it, for that shift only. GET shows, only POST confirms: mail scanners follow
links.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.models import User
from tocsin.apps.oncall.actions.readiness import settle, unready_key, word_key
from tocsin.apps.oncall.ahead import Ahead, page_of, present, whole
from tocsin.apps.oncall.models import NoticeSent, Readiness, Schedule
from tocsin.apps.oncall.queries.readiness import last_confirmed, one_readiness
from tocsin.apps.oncall.queries.stored import book
from tocsin.apps.oncall.types import ReadinessInfo
from tocsin.domain.permissions import Actor, ActorKind, Role
from tocsin.domain.schedule import SHADOW, Book, Shift, resolve
from tocsin.domain.schedule.notices import (
    DEFAULT_READINESS,
    SHOWN_FOR,
    Spell,
    comes_on,
    described,
    moment,
    told_at,
)
from tocsin.domain.time import parse_zone
from tocsin.lib import bus, signing
from tocsin.lib.log import Logger
from tocsin.ports import registry
from tocsin.ports.events import CallOutAcknowledged, DutyWord

PURPOSE: Final = "readiness"
_ANSWERED: Final = "answered"
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_MINUTE: Final = timedelta(minutes=1)
_MOST: Final = 200

_log = Logger(__name__)
Edge = tuple[str, datetime]  # an e-mail, and when they go on call


def ask(ahead: Ahead, now: datetime, most: int) -> frozenset[Edge]:
    """Ask whoever comes on, the first `most` of them now; all whom it concerns. Shifts of one person that
    begin together are asked for once.
    """
    theirs = ahead.of_person()
    wanted = [
        spell
        for name, several in ahead.spells.items()
        for spell in several
        if comes_on(spell, theirs[spell.user], ahead.readiness[name], now)
    ]
    known = set(
        Readiness.objects.filter(shift_start__gt=now).values_list(
            "user__email", "schedule", "role", "shift_start"
        )
        if wanted
        else ()
    )
    fresh = [spell for spell in wanted if (spell.user, spell.schedule, spell.role, spell.start) not in known]
    if not fresh:
        return frozenset()
    people = present(spell.user for spell in fresh)
    shown = _shown(people, min(now, min(spell.start for spell in fresh) - DEFAULT_READINESS) - SHOWN_FOR)
    reachable = registry.reach.deliverable(people)
    groups: dict[Edge, list[Spell]] = defaultdict(list)
    for spell in fresh:
        # Once enough when the time came to ask, it is not asked for in haste a little later.
        since = min(now, spell.start - DEFAULT_READINESS) - SHOWN_FOR
        if spell.user in people and shown.get(spell.user, _NEVER) < since:
            groups[spell.user, spell.start].append(spell)
    for email, edge in sorted(groups, key=lambda each: each[1])[:most]:
        try:
            with transaction.atomic():
                several = [whole(ahead, spell) for spell in groups[email, edge]]
                _ask(people[email], several, now, reachable=reachable.get(email, False))
        except Exception:  # noqa: BLE001 - one is at fault; the others must be asked
            _log.exception("nobody could be asked to be ready", email=email)
    return frozenset(groups)


def edges(now: datetime) -> set[Edge]:
    """Shifts to come whose people were asked."""
    return set(Readiness.objects.filter(shift_start__gt=now).values_list("user__email", "shift_start"))


def void(ahead: Ahead, now: datetime) -> None:
    """Forget what was asked for a shift that is another's by now."""
    for row in Readiness.objects.select_related("user").filter(confirmed_at=None, shift_start__gt=now):
        there = ahead.spells.get(row.schedule)
        if there is None and ahead.book.schedule(row.schedule) is not None:
            continue  # it could not be resolved just now
        mine = (row.user.email, row.role, row.shift_start)
        if mine not in {(spell.user, spell.role, spell.start) for spell in there or ()}:
            _forget(row, now)


def tick(now: datetime) -> None:
    """Tell others of those who have not confirmed in time, each in a transaction of its own."""
    late = Readiness.objects.filter(due_at__lte=now, confirmed_at=None, told_at=None)
    waiting = list(late.order_by("due_at").values_list("pk", "shift_start")[:_MOST])
    if not waiting:
        return
    made = book(since=min(start for _, start in waiting) - _MINUTE)
    for pk, _ in waiting:
        try:
            with transaction.atomic():
                _late(pk, made, now)
        except Exception:  # noqa: BLE001 - one is at fault; the others must be told
            _log.exception("a readiness failed", readiness=pk)


def on_call_out_acknowledged(news: CallOutAcknowledged) -> None:
    """Who answers a page has shown that they can be reached."""
    user = User.objects.filter(email=news.email).first() if news.email else None
    if user is not None:
        key = f"{_ANSWERED}:{user.pk}:{news.incident_id}"
        NoticeSent.objects.bulk_create([NoticeSent(key=key, at=news.at)], ignore_conflicts=True)


# ---- the link ----


@dataclass(frozen=True)
class Target:
    actor: Actor
    readiness: ReadinessInfo
    person: str  # a name, for the page
    zone: str  # on whose clock they read it


def url(email: str, readiness_id: int) -> str:
    """The way in for one person and one shift, until that is over; "" when there is no such readiness."""
    info = one_readiness(readiness_id)
    if info is None or info.email != email:
        return ""
    token = signing.sign(PURPOSE, {"u": email, "r": readiness_id}, info.shift_end)
    return f"{settings.TOCSIN.public_url}/ready/{token}"


def open(token: str, now: datetime) -> Target | None:  # noqa: A001 - the word for it
    """Who confirms what with this link; None for a damaged or old one, or a shift that is another's now."""
    try:
        payload = signing.verify(PURPOSE, token, now)
    except signing.BadSignature:
        return None
    info = one_readiness(payload["r"])
    user = present([payload["u"]]).get(payload["u"])
    if info is None or user is None or info.email != user.email:
        return None
    actor = Actor(ActorKind.LINK, str(user), Role(user.role), user.pk, user.email)
    return Target(actor, info, str(user), user.timezone)


# ---- asking and telling ----


def _ask(user: User, several: Sequence[Spell], now: datetime, *, reachable: bool) -> None:
    start = several[0].start
    due_at = told_at(start, now) if reachable else now
    rows = [
        Readiness.objects.create(
            schedule=spell.schedule,
            user=user,
            role=spell.role,
            shift_start=start,
            shift_end=spell.end,
            asked_at=now,
            due_at=due_at,
        )
        for spell in several
    ]
    if not reachable:
        return  # nothing would arrive: others are told at once instead
    zone = parse_zone(user.timezone)
    what = ", ".join(dict.fromkeys(spell.schedule for spell in several))
    lines = (
        *(described(spell, zone) for spell in several),
        "This is a test page, sent the way a real one would be: confirm that it reached you.",
        f"Without that by {moment(due_at, zone)}, whoever is on call now and the team's lead are told.",
    )
    headline = f"Are you ready? You go on call for {what} on {moment(start, zone)}"
    bus.publish(
        DutyWord(user.email, headline, lines, now, word_key(rows[0]), pressing=True, confirm=rows[0].pk)
    )


def _shown(people: Mapping[str, User], since: datetime) -> dict[str, datetime]:
    """When each of them last showed, since then, that they can be reached."""
    found = last_confirmed(people, since)
    emails = {str(user.pk): user.email for user in people.values()}
    keys = NoticeSent.objects.filter(key__startswith=f"{_ANSWERED}:", at__gte=since)
    for key, at in keys.values_list("key", "at"):
        if email := emails.get(key.split(":")[1]):
            found[email] = max(at, found.get(email, at))
    return found


def _forget(row: Readiness, now: datetime) -> None:
    """And what was asked with it in one message, which is asked anew: its link may be this one's."""
    rows = Readiness.objects.select_for_update(of=("self",), skip_locked=True).filter(
        Q(pk=row.pk) | Q(told_at=None), user=row.user, shift_start=row.shift_start, confirmed_at=None
    )
    # Who confirms at this moment holds the row, and has confirmed.
    for each in rows:
        settle(each, "the shift is another's now", now)
        each.delete()


def _late(pk: int, made: Book, now: datetime) -> None:
    rows = Readiness.objects.select_for_update(of=("self",), skip_locked=True).select_related("user")
    row = rows.filter(pk=pk, confirmed_at=None, told_at=None).first()
    if row is None:
        return
    if row.shift_end <= now:
        row.due_at = None
        row.save(update_fields=("due_at",))
        return
    if not any(_same(row, shift) for shift in _at(made, row, row.shift_start)):
        _forget(row, now)
        return
    shown = _shown({row.user.email: row.user}, row.asked_at)
    if shown:
        row.confirmed_at, row.due_at = shown[row.user.email], None
        row.save(update_fields=("confirmed_at", "due_at"))
        settle(row, "a page was answered since", now)
        return
    people = present(_others(row, made))
    row.told, row.told_at, row.due_at = sorted(people), now, None
    row.save(update_fields=("told", "told_at", "due_at"))
    for person in people.values():
        _tell(row, person, now)


def _tell(row: Readiness, person: User, now: datetime) -> None:
    zone = parse_zone(person.timezone)
    spell = Spell(row.schedule, row.role, row.user.email, row.shift_start, row.shift_end)
    reachable = registry.reach.deliverable([row.user.email]).get(row.user.email, False)
    why = "has not confirmed the test page" if reachable else "has no way to be reached that works"
    lines = (
        described(spell, zone),
        f"{row.user} {why}. Call them, or put somebody else on call: {page_of(row.schedule)}",
    )
    headline = f"{row.user} may not be ready for {row.schedule}"
    bus.publish(DutyWord(person.email, headline, lines, now, unready_key(row, person.email), pressing=True))


def _others(row: Readiness, made: Book) -> tuple[str, ...]:
    """Who is on call until then and the team's lead; its manager, then the owners, where none can be
    reached.
    """
    before = [
        shift
        for shift in _at(made, row, row.shift_start - _MINUTE)
        if shift.user not in {None, row.user.email} and shift.role != SHADOW
    ]
    outgoing = [shift.user for shift in before if shift.role == row.role] or [shift.user for shift in before]
    plan = Schedule.objects.select_related("team__lead", "team__manager").filter(name=row.schedule).first()
    team = plan.team if plan else None
    told = [email for email in (*outgoing, team.lead.email if team and team.lead else None) if email]
    manager = [team.manager.email] if team and team.manager else []
    for more in (manager, identity.owners()):
        told = [email for email in dict.fromkeys(told) if email != row.user.email]
        if any(registry.reach.deliverable(told).values()):
            break
        told += more
    return tuple(email for email in dict.fromkeys(told) if email != row.user.email)


def _at(made: Book, row: Readiness, instant: datetime) -> list[Shift]:
    plan = made.schedule(row.schedule)
    return resolve(made, plan, instant, instant + _MINUTE) if plan else []


def _same(row: Readiness, shift: Shift) -> bool:
    return shift.user == row.user.email and shift.role == row.role
