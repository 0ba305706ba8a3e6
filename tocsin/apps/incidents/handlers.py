"""What incidents do about the news of the apps below. `config.subscriptions` wires them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

from tocsin.apps.identity.models import User
from tocsin.apps.incidents import changes, telling
from tocsin.apps.incidents.changes import Diary
from tocsin.apps.incidents.models import Incident, TimelineEntry
from tocsin.apps.incidents.surroundings import HELP, has_call_out, label_of, load, nobody_has, subject_of
from tocsin.domain.lifecycle import OPEN, Status
from tocsin.domain.permissions import SYSTEM, Actor, ActorKind, Role
from tocsin.ports.events import (
    CallOutAcknowledged,
    CallOutReopened,
    HelpDeclined,
    NotificationFailed,
    TimelineNews,
)

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What a diary tells of an incident; a field that is missing here costs a query for each.
_SHOWN: Final = ("pk", "number", "status", "acknowledged_at", "snoozed_until")
_collected: ContextVar[list[TimelineNews] | None] = ContextVar("collected", default=None)


@contextmanager
def collecting() -> Iterator[None]:
    """Write the timeline news of a batch together, at the end of the block."""
    news: list[TimelineNews] = []
    token = _collected.set(news)
    try:
        yield
    finally:
        _collected.reset(token)
    _write(news)


def on_timeline_news(news: TimelineNews) -> None:
    collected = _collected.get()
    if collected is not None:
        collected.append(news)
        return
    _note(news.incident_id, SYSTEM, news.kind, news.text, news.at)


def on_notification_failed(news: NotificationFailed) -> None:
    # Without a person it was for a room, or a webhook, that the policy names.
    what = f"reach {news.email} by" if news.email else "post to"
    text = f"Could not {what} {news.via}: {news.detail}"
    _note(news.incident_id, SYSTEM, "notification_failed", text, news.at)


def on_call_out_acknowledged(news: CallOutAcknowledged) -> None:
    incident = _locked(news.incident_id)
    if incident is None or not news.email:  # a token or a tool acknowledged: who did it has written it
        return
    actor = _actor(news.email)
    diary = Diary(actor, news.at)
    # Of a direct page, whoever was paged has it once they answer.
    joins = not news.service and has_call_out(incident)
    if not news.service:
        said = "joined to help with" if joins else "answered your page and has"
        _tell_asker(incident, news.label, news.email, f"{actor.label} {said} {incident.ref}", news.at)
    if joins:
        diary.note(incident, "help_accepted", f"{actor.label} joined", {"email": news.email})
    elif Status(incident.status) in OPEN:
        changes.acknowledge(incident, actor.id, news.at)
        diary.note(incident, "acknowledged", f"Acknowledged by {actor.label}")
    incident.touched = True
    incident.version += 1
    incident.save()
    diary.write()


def on_help_declined(news: HelpDeclined) -> None:
    incident = _locked(news.incident_id)
    if incident is None:
        return
    actor = _actor(news.email)
    why = f": {news.reason}" if news.reason else ""
    asked = news.label.startswith(HELP)  # else it is the service's own call-out that they cannot answer
    said = f"{actor.label} cannot {'help' if asked else 'take it'}"
    diary = Diary(actor, news.at)
    diary.note(incident, "help_declined", f"{said}{why}", {"email": news.email})
    _tell_asker(incident, news.label, news.email, f"{said} with {incident.ref}{why}", news.at)
    incident.touched = True
    incident.version += 1
    incident.save()
    diary.write()


def on_call_out_reopened(news: CallOutReopened) -> None:
    incident = _locked(news.incident_id)
    if incident is None or Status(incident.status) not in OPEN:
        return
    changes.unacknowledge(incident)
    incident.snoozed_until = None
    nobody_has(incident, load(news.at), news.at)
    incident.version += 1
    incident.save()
    diary = Diary(SYSTEM, news.at)
    diary.note(incident, "unacknowledged", news.reason)
    diary.write()


def _actor(email: str) -> Actor:
    user = User.objects.filter(email=email).first()
    return Actor(ActorKind.USER, str(user), Role(user.role), user.pk, user.email) if user else SYSTEM


def _tell_asker(incident: Incident, label: str, answerer: str, headline: str, at: datetime) -> None:
    """Quietly, whoever asked last for the help that the call-out `label` is; a program is told nothing."""
    asked = TimelineEntry.objects.filter(incident=incident, kind="help_asked").order_by("-id")
    by = next((row.data.get("by", "") for row in asked if label_of(row.data.get("target", "")) == label), "")
    if by and by != answerer:
        service = load(at).directory.by_id(incident.service_id)
        telling.asker(subject_of(incident, service), by, headline, at)


def _write(news: list[TimelineNews]) -> None:
    rows = Incident.objects.only(*_SHOWN).in_bulk({each.incident_id for each in news})
    diary = Diary(SYSTEM, max((each.at for each in news), default=_NEVER))
    for each in news:
        if each.incident_id in rows:
            diary.note(rows[each.incident_id], each.kind, each.text, at=each.at)
    if diary.entries:
        diary.write()


def _locked(incident_id: int) -> Incident | None:
    return Incident.objects.select_for_update(no_key=True).filter(pk=incident_id).first()


def _note(incident_id: int, actor: Actor, kind: str, text: str, at: datetime) -> None:
    incident = Incident.objects.filter(pk=incident_id).only(*_SHOWN).first()
    if incident is not None:
        diary = Diary(actor, at)
        diary.note(incident, kind, text)
        diary.write()
