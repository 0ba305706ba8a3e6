"""What a person who comes on call should know, and who goes off call keeps in mind: the summary of a
hand-off.

Told of are the incidents of services whose policy names the schedule. Who has an incident keeps it: its link
offers the other to take it over. Calling the incoming person for what nobody has is the ladder's business.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.conf import settings

from tocsin.apps.audit import fresh
from tocsin.apps.catalog.models import Service
from tocsin.apps.escalation import queries as escalation
from tocsin.apps.identity import queries as identity
from tocsin.apps.incidents.models import Incident
from tocsin.apps.notify.models import Page
from tocsin.apps.oncall import queries as oncall
from tocsin.domain.escalation.model import Policy, TargetKind
from tocsin.domain.lifecycle import OPEN
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.schedule import PRIMARY
from tocsin.domain.schedule.notices import moment
from tocsin.domain.time import parse_zone
from tocsin.lib import bus
from tocsin.ports.events import DutyWord, HandedOver

_SHOWN: Final = 10
_BUTTONS: Final = 5

# Many schedules hand over at one minute.
_policies: Final = fresh.Fresh(lambda _at: escalation.policies())


def on_handed_over(news: HandedOver) -> None:
    """Whoever comes on hears it always; whoever goes off, when there is anything to say."""
    services = _services(news.schedule, news.at)
    running, count = _open(services)
    past = _happened(news, services)
    people = {one.email: one for one in identity.people(emails=(*news.incoming, *news.outgoing))}
    names = {email: one.label for email, one in people.items()}
    for email in (*news.incoming, *(news.outgoing if running or past else ())):
        if email not in people or not oncall.notices(email).handoff:
            continue
        zone = parse_zone(people[email].timezone)
        incoming = email in news.incoming
        others = news.outgoing if incoming else news.incoming
        lines = (
            *_with(others, names, incoming=incoming),
            *_listed(running, count),
            *([f"Since {moment(news.began, zone)} ({zone.key}): {past}."] if past else []),
        )
        bus.publish(_word(news, email, lines, running, count))


def _word(
    news: HandedOver, email: str, lines: tuple[str, ...], running: Sequence[Incident], count: int
) -> DutyWord:
    what = news.schedule + ("" if news.role == PRIMARY else f" ({news.role})")
    tail = f": {count} open incident{'' if count == 1 else 's'}" if count else ""
    incoming = email in news.incoming
    headline = f"You are on call for {what} now{tail}" if incoming else f"You handed {what} over{tail}"
    buttons = tuple((each.pk, f"Open {each.ref}") for each in running[:_BUTTONS])
    key = f"handoff:{news.schedule}:{news.role}:{news.at.isoformat()}:{email}"
    return DutyWord(email, headline, lines, news.at, key, incidents=buttons)


def _with(others: Iterable[str], names: dict[str, str], *, incoming: bool) -> list[str]:
    labels = ", ".join(names.get(email, email) for email in others)
    if not labels:
        return []
    return [f"You took over from {labels}." if incoming else f"{labels} took over from you."]


def _listed(running: Sequence[Incident], count: int) -> list[str]:
    if not running:
        return ["Nothing is open."]
    lines = [_line(each) for each in running]
    left = count - len(lines)
    return [*lines, f"… and {left} more"] if left else lines


def _line(incident: Incident) -> str:
    has = f"{incident.acknowledged_by} has it" if incident.acknowledged_by else "nobody has it"
    if incident.acknowledged_at and not incident.acknowledged_by:
        has = "acknowledged"
    link = f"{settings.TOCSIN.public_url}/incidents/{incident.ref}"
    what = f"{incident.ref} · {incident.severity} · {incident.service.name}"
    return f"{what}: {incident.title[:160]} – {has}\n{link}"


def _services(schedule: str, at: datetime) -> list[int]:
    """Whose policy calls it, at any step."""
    named = [policy.name for policy in _policies.get(at) if _names(policy, schedule)]
    return list(Service.objects.filter(policy__name__in=named).values_list("pk", flat=True))


def _names(policy: Policy, schedule: str) -> bool:
    targets = [*policy.final, *(target for step in policy.steps for target in step.targets)]
    return any(target.kind is TargetKind.SCHEDULE and target.name == schedule for target in targets)


def _open(services: Sequence[int]) -> tuple[list[Incident], int]:
    """The worst first, then the oldest, as many as are shown; and how many there are."""
    rows = Incident.objects.filter(service__in=services, status__in=OPEN)
    ordered = rows.select_related("service", "acknowledged_by").order_by("severity", "declared_at", "pk")
    shown = list(ordered[:_SHOWN])
    return shown, rows.count() if len(shown) == _SHOWN else len(shown)


def _happened(news: HandedOver, services: Sequence[int]) -> str:
    """In the shift that ended; "" when nothing did."""
    rows = Incident.objects.filter(service__in=services)
    opened = rows.filter(declared_at__gte=news.began, declared_at__lt=news.at).count()
    resolved = rows.filter(resolved_at__gte=news.began, resolved_at__lt=news.at).count()
    pages = Page.objects.filter(
        kind=MessageKind.PAGE,
        started_at__gte=news.began,
        started_at__lt=news.at,
        user__email__in=news.outgoing,
        incident_id__in=rows.values("pk"),
    ).count()
    if not (opened or resolved or pages):
        return ""
    called = f", {pages} page{'' if pages == 1 else 's'}" if news.outgoing else ""
    return f"{opened} incident{'' if opened == 1 else 's'} opened, {resolved} resolved{called}"
