"""Who is told what about a swap. Whoever does something is not told of it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.models import Schedule, Swap
from tocsin.domain.notification.model import Occasion
from tocsin.domain.permissions import Actor
from tocsin.domain.schedule.notices import moment
from tocsin.domain.schedule.swapping import SwapState
from tocsin.domain.time import parse_zone
from tocsin.lib import bus
from tocsin.ports.events import DutyWord

Words = Mapping[str, str]  # by e-mail


def say(row: Swap, words: Words, actor: Actor, now: datetime) -> set[str]:
    """Publish one word for each person; whom, and who did it, who knows."""
    people = User.objects.filter(email__in=[email for email in words if email != actor.email])
    for user in people.exclude(state=UserState.LEFT).order_by("pk"):
        key = f"swap:{row.pk}:{row.state}:{now.isoformat(timespec='seconds')}:{user.pk}"
        lines = _lines(row, parse_zone(user.timezone))
        before = row.start if row.start > now else None
        word = DutyWord(user.email, words[user.email], lines, now, key, before=before, occasion=Occasion.SWAP)
        bus.publish(word)
    return {*words, *([actor.email] if actor.email else [])}


def asking(row: Swap, but: Iterable[str] = ()) -> Words:
    """Whoever could take it now."""
    if row.state != SwapState.OPEN:
        return {}
    if row.asked is not None:
        return {row.asked.email: f"{row.requester.email} asks you to take a shift"}
    left_out = {row.requester.email, *but}
    headline = f"{row.requester.email} asks for somebody to take a shift"
    return {email: headline for email in _ring(row.schedule) if email not in left_out}


def offered(row: Swap) -> Words:
    """Whoever's word is still missing, and the two of them."""
    info = queries.swap_of(row)
    terms = queries.terms_of(info)
    words = {info.requester: f"{info.taker} offers to take your shift, once it is approved"}
    if terms.awaits_requester:
        words[info.requester] = f"{info.taker} offers to take your shift, and asks for time in return"
    if info.taker:
        words[info.taker] = f"You are offered to take a shift of {info.requester}"
    if terms.awaits_approval:
        headline = f"A swap of {info.requester} and {info.taker} waits for approval"
        words = {**dict.fromkeys(_approvers(row.schedule), headline), **words}
    return words


def taken(row: Swap, *, doubled: bool) -> Words:
    info = queries.swap_of(row)
    words = {info.requester: f"{info.taker} takes your shift"}
    if info.taker:
        also = ", when you are on call anyway" if doubled else ""
        words[info.taker] = f"You take a shift of {info.requester}{also}"
        if info.return_start is not None:
            words[info.requester] += ", and you take time in return"
    return words


def over(row: Swap, headline: str, taker: User | None = None) -> Words:
    """To everybody it concerned: the requester, who had taken it, or who was asked."""
    concerned = (row.requester, taker or row.taker or row.asked)
    return {user.email: headline for user in concerned if user is not None}


def _lines(row: Swap, zone: ZoneInfo) -> tuple[str, ...]:
    def span(start: datetime, end: datetime) -> str:
        return f"{row.schedule}: {moment(start, zone)} – {moment(end, zone)} ({zone.key})"

    lines = [span(row.start, row.end)]
    if row.return_start and row.return_end:
        lines.append(f"In return {span(row.return_start, row.return_end)}")
    if row.note:
        lines.append(f"“{row.note}”")
    return (*lines, f"{settings.TOCSIN.public_url}/swaps/{row.pk}")


def _ring(schedule: str) -> tuple[str, ...]:
    """Everybody in the rotations of the schedule."""
    made = queries.book()
    plan = made.schedule(schedule)
    rings = [made.rotations[layer.rotation] for layer in plan.layers] if plan else []
    return tuple(dict.fromkeys(email for ring in rings for email in ring.people))


def _approvers(schedule: str) -> tuple[str, ...]:
    """The team's lead and admins; where there are none, its manager, then whoever configures everything."""
    row = Schedule.objects.select_related("team__lead", "team__manager").filter(name=schedule).first()
    team = row.team if row else None
    if team is not None:
        admins = team.memberships.filter(is_admin=True).values_list("user__email", flat=True)
        found = [*([team.lead.email] if team.lead else []), *admins]
        if found or team.manager:
            return tuple(dict.fromkeys(found or [team.manager.email] if team.manager else found))
    everyone = User.objects.filter(Q(role="owner") | Q(role="admin")).exclude(state=UserState.LEFT)
    return tuple(everyone.order_by("pk").values_list("email", flat=True))
