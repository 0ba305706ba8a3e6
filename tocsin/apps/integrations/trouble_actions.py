"""What was refused or set aside, after its cause was mended: tried again, or thrown away."""

from datetime import datetime
from http import HTTPStatus

from django.db import connection, transaction

from tocsin.apps.audit import actions as audit
from tocsin.apps.integrations import receipts
from tocsin.apps.integrations.models import Event, Integration, Rejected
from tocsin.domain.errors import Conflict, NotFound
from tocsin.domain.permissions import Actor, Permission, require_owned
from tocsin.lib import pg
from tocsin.ports import registry
from tocsin.ports.source import Asked, RequestSource


@transaction.atomic
def retry_events(*, actor: Actor, name: str, now: datetime, event: int | None = None) -> int:
    """Work off again what was set aside: that event, or all of them. The number of them."""
    row = _editable(actor, name)
    rows = Event.objects.filter(integration=row).exclude(set_aside="")
    if event is not None:
        rows = rows.filter(pk=event)
    done = rows.update(processed_at=None, set_aside="")
    if event is not None and not done:
        raise NotFound("event that was set aside", str(event))
    if done:
        _record(actor, "integration.events_retried", row, done, now)
        with connection.cursor() as cursor:
            pg.notify(cursor, "tocsin_events")
    return done


@transaction.atomic
def discard_event(*, actor: Actor, name: str, event: int, now: datetime) -> None:
    row = _editable(actor, name)
    done = Event.objects.filter(integration=row, pk=event).exclude(set_aside="").delete()[0]
    if not done:
        raise NotFound("event that was set aside", str(event))
    _record(actor, "integration.events_discarded", row, done, now)


@transaction.atomic
def retry_sample(*, actor: Actor, name: str, sample: int, now: datetime) -> int:
    """Take in what the door refused, as it would take it now. The number of events in it.

    Raises Invalid while it is still not understood, and Conflict where it cannot be tried.
    """
    row = _editable(actor, name)
    kept = _sample(row, sample)
    body = bytes(kept.body)
    if kept.status != HTTPStatus.BAD_REQUEST or len(body) != kept.size:
        raise Conflict("This cannot be tried here: let the tool send it again.")
    same = kept.kind in {"", row.kind}
    source = registry.bound(*((row.kind, row.config) if same else (kept.kind, {})))
    asked = Asked("POST", "/", {}, {}, body)
    found = source.events_of(asked) if isinstance(source, RequestSource) else source.envelope(body)
    if found:
        receipts.write(integration_id=row.pk, kind="" if same else kept.kind, envelopes=found, now=now)
    kept.delete()
    _record(actor, "integration.sample_retried", row, len(found), now)
    return len(found)


@transaction.atomic
def discard_sample(*, actor: Actor, name: str, sample: int, now: datetime) -> None:
    row = _editable(actor, name)
    _sample(row, sample).delete()
    _record(actor, "integration.sample_discarded", row, 1, now)


def _sample(row: Integration, sample: int) -> Rejected:
    found = Rejected.objects.select_for_update().filter(integration=row, pk=sample).first()
    if found is None:
        raise NotFound("refused sample", str(sample))
    return found


def _editable(actor: Actor, name: str) -> Integration:
    rows = Integration.objects.select_related("service").select_for_update(of=("self",))
    row = rows.filter(name=name).first()
    require_owned(actor, Permission.EDIT_TEAM, (row.service.team_id if row and row.service else None,))
    if row is None:
        raise NotFound("integration", name)
    return row


def _record(actor: Actor, action: str, row: Integration, count: int, now: datetime) -> None:
    audit.record(
        actor=actor,
        action=action,
        target_kind="integration",
        target_id=row.pk,
        target_label=row.name,
        data={"count": count},
        now=now,
    )
