"""An address that is no longer anybody's: it is disabled, and its person hears of it another way."""

from datetime import datetime, timedelta
from typing import Final

from tocsin.apps.audit import actions as audit
from tocsin.apps.notify.actions.calling import tell
from tocsin.apps.notify.directory import Directory, shown_address
from tocsin.apps.notify.models import Attempt, ContactMethod
from tocsin.apps.notify.types import Job
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Severity
from tocsin.lib import bus
from tocsin.ports.events import AdminWord

BOUNCED: Final = "bounced"  # an attempt's result
_MARK: Final = "bounced: "
_SEVERAL: Final = 3  # people within _WITHIN: then it is the vendor that is ill
_WITHIN: Final = timedelta(minutes=10)
_SUBJECT: Final = Subject(incident_id=0, ref="", title="", severity=Severity.SEV4, service="Tocsin")


def bounced(job: Job, vendor: str, detail: str, now: datetime) -> None:
    """Disable the method, unless several people's bounce over this vendor: then none of them is disabled."""
    Attempt.objects.create(notification_id=job.id, at=now, result=BOUNCED, detail=detail, vendor=vendor)
    lately = Attempt.objects.filter(result=BOUNCED, vendor=vendor, at__gt=now - _WITHIN)
    people = set(lately.values_list("notification__person", flat=True))
    if len(people) >= _SEVERAL:
        _the_vendor_is_ill(vendor, people, detail, now)
        return
    mine = ContactMethod.objects.select_for_update().filter(disabled_at=None)
    row = mine.filter(pk=job.method_id).first() if job.method_id is not None else None
    if row is None:
        return
    row.disabled_at, row.disabled_reason = now, f"{_MARK}{detail}"[:255]
    row.save(update_fields=("disabled_at", "disabled_reason"))
    _record("contact_method.disabled", row, now, detail)
    shown = f"{shown_address(row.type, row.address)} ({row.type})"
    contact = Directory().contact(job.email)
    if contact is not None and contact.deliverable:
        tell(
            emails=(job.email,),
            subject=_SUBJECT,
            kind=MessageKind.NOTICE,
            headline=f"{shown} is disabled: {detail}. Verify it again under “How I am reached”.",
            now=now,
        )
        return
    bus.publish(
        AdminWord(
            f"{job.name or job.email} cannot be reached any more",
            (f"Their last way, {shown}, is disabled: {detail}.", "Give them another one."),
            now,
            f"unreachable-{job.person}-{row.pk}-{now:%Y%m%d%H}",
            (vendor,),
        )
    )


def _the_vendor_is_ill(vendor: str, people: set[int], detail: str, now: datetime) -> None:
    ours = ContactMethod.objects.select_for_update().filter(
        user__in=people, disabled_at__gt=now - _WITHIN, disabled_reason__startswith=_MARK
    )
    over = Attempt.objects.filter(result=BOUNCED, vendor=vendor, at__gt=now - _WITHIN)
    for row in ours.filter(pk__in=over.values("notification__method")):
        row.disabled_at, row.disabled_reason = None, ""
        row.save(update_fields=("disabled_at", "disabled_reason"))
        _record("contact_method.enabled", row, now, f"several people's addresses bounced over {vendor}")
    bus.publish(
        AdminWord(
            f"{vendor} refuses the addresses of {len(people)} people",
            (f"It says: {detail}.", "So it is taken to be ill, and nobody's contact method is disabled."),
            now,
            f"bounces-{vendor}-{now:%Y%m%d%H}",
            (vendor,),
        )
    )


def _record(action: str, row: ContactMethod, now: datetime, why: str) -> None:
    audit.record(
        actor=SYSTEM,
        action=action,
        target_kind="user",
        target_id=row.user_id,
        target_label=row.user.email,
        data={"type": row.type, "address": shown_address(row.type, row.address), "why": why[:255]},
        now=now,
    )
