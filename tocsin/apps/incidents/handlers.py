"""What incidents do about the news of the apps below. `config.subscriptions` wires them."""

from datetime import datetime

from tocsin.apps.identity.models import User
from tocsin.apps.incidents import changes
from tocsin.apps.incidents.changes import Diary
from tocsin.apps.incidents.models import Incident
from tocsin.domain.lifecycle import OPEN, Status
from tocsin.domain.permissions import SYSTEM, Actor, ActorKind, Role
from tocsin.ports.events import CallOutAcknowledged, CallOutReopened, NotificationFailed, TimelineNews


def on_timeline_news(news: TimelineNews) -> None:
    _note(news.incident_id, SYSTEM, news.kind, news.text, news.at)


def on_notification_failed(news: NotificationFailed) -> None:
    text = f"Could not reach {news.email} by {news.via}: {news.detail}"
    _note(news.incident_id, SYSTEM, "notification_failed", text, news.at)


def on_call_out_acknowledged(news: CallOutAcknowledged) -> None:
    incident = _locked(news.incident_id)
    if incident is None:
        return
    user = User.objects.filter(email=news.email).first()
    actor = Actor(ActorKind.USER, str(user), Role(user.role), user.pk, user.email) if user else SYSTEM
    diary = Diary(actor, news.at)
    if not news.service:
        diary.note(incident, "help_accepted", f"{actor.label} answered the call for help")
    elif Status(incident.status) in OPEN:
        changes.acknowledge(incident, user.pk if user else None, news.at)
        diary.note(incident, "acknowledged", f"Acknowledged by {actor.label}")
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
    incident.version += 1
    incident.save()
    diary = Diary(SYSTEM, news.at)
    diary.note(incident, "unacknowledged", news.reason)
    diary.write()


def _locked(incident_id: int) -> Incident | None:
    return Incident.objects.select_for_update(no_key=True).filter(pk=incident_id).first()


def _note(incident_id: int, actor: Actor, kind: str, text: str, at: datetime) -> None:
    incident = Incident.objects.filter(pk=incident_id).only("pk", "number").first()
    if incident is not None:
        diary = Diary(actor, at)
        diary.note(incident, kind, text)
        diary.write()
