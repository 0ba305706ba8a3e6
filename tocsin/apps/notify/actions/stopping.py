"""STOP and START, said over a contact method itself: whoever reads there decides whether more comes. Where
nothing else is left to reach its owner by, the administrators hear of it.
"""

from datetime import datetime

from django.db import transaction

from tocsin.apps.audit import actions as audit
from tocsin.apps.notify.actions.calling import tell
from tocsin.apps.notify.directory import Directory, shown_address
from tocsin.apps.notify.models import ContactMethod
from tocsin.domain.errors import NotFound
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import Severity
from tocsin.lib import bus
from tocsin.ports.events import AdminWord

_STOPPED = "asked to stop by "


@transaction.atomic
def stop_method(*, actor: Actor, method_id: int, how: str, now: datetime) -> bool:
    """Nothing more leaves over it; its owner hears of that by another way. False: it was disabled already."""
    row = _mine(actor, method_id)
    if row.disabled_at is not None:
        return False
    _set(actor, row, f"{_STOPPED}{how}", now)
    shown = shown_address(row.type, row.address)
    contact = Directory().contact(row.user.email)
    if contact is None or not contact.deliverable:
        lines = (f"Their last way, {shown} ({row.type}), was {_STOPPED}{how}.", "Give them another one.")
        key = f"unreachable-{row.user_id}-{row.pk}-{now:%Y%m%d%H}"
        bus.publish(AdminWord(f"{row.user} cannot be reached any more", lines, now, key))
        return True
    headline = f"{row.type} to {shown} is disabled: you asked it to stop. Reply start there to undo."
    subject = Subject(0, "", headline, Severity.SEV4, "Tocsin")
    tell(emails=(row.user.email,), subject=subject, kind=MessageKind.NOTICE, headline=headline, now=now)
    return True


@transaction.atomic
def start_method(*, actor: Actor, method_id: int, now: datetime) -> bool:
    """Undo `stop_method`, and nothing else: what bounced, or was disabled by hand, stays so."""
    row = _mine(actor, method_id)
    if row.disabled_at is None or not row.disabled_reason.startswith(_STOPPED):
        return False
    _set(actor, row, "", now)
    return True


def _mine(actor: Actor, method_id: int) -> ContactMethod:
    require(actor, Permission.EDIT_SELF)
    rows = ContactMethod.objects.select_for_update(of=("self",)).select_related("user")
    row = rows.filter(pk=method_id, user__email=actor.email).first()
    if row is None:
        raise NotFound("contact method", method_id)
    return row


def _set(actor: Actor, row: ContactMethod, reason: str, now: datetime) -> None:
    row.disabled_at, row.disabled_reason = now if reason else None, reason
    row.save(update_fields=("disabled_at", "disabled_reason"))
    audit.record(
        actor=actor,
        action="contact_method.disabled" if reason else "contact_method.enabled",
        target_kind="user",
        target_id=row.user_id,
        target_label=row.user.email,
        data={"type": row.type, "address": shown_address(row.type, row.address), "reason": reason},
        now=now,
    )
