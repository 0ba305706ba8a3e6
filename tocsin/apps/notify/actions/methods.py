"""Contact methods: added, verified by a code before use, put in order, switched off and on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Max

from tocsin.apps.identity.models import User
from tocsin.apps.notify.actions.own import may_edit, record, user_of
from tocsin.apps.notify.directory import keep_own_address, shown_address
from tocsin.apps.notify.models import ContactMethod, Notification, Page
from tocsin.apps.notify.queries import method_of
from tocsin.apps.notify.types import MethodInfo
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.permissions import Actor, Permission, can
from tocsin.domain.severity import Urgency
from tocsin.lib import ids, pg
from tocsin.ports import registry

CODE_HOLDS: Final = timedelta(minutes=30)
_MOST_METHODS = 20
_CODES_AT_MOST: Final = 10  # of one person within _CODES_WITHIN: each costs money, and is a guess
_CODES_WITHIN: Final = timedelta(hours=1)
_CODE_RANK = 1  # somebody waits for it


@transaction.atomic
def add_method(
    *,
    actor: Actor,
    email: str,
    type: str,  # noqa: A002 - the word of the model and of configuration files
    address: str,
    config: dict[str, str] | None = None,
    now: datetime,
) -> MethodInfo:
    """One's own login address, a browser's subscription, and what an administrator adds for somebody else
    are verified; whatever else is typed in gets a code.
    """
    may_edit(actor, email)
    user = user_of(email)
    channel = registry.channels.get(type)
    if channel is None:
        known = ", ".join(sorted(registry.channels))
        raise Invalid(FieldError("type", f"There is no channel “{type}”; there are: {known}."))
    address = channel.check_address(address)
    config = dict(config or {})
    missing = [f.name for f in channel.fields if f.required and not config.get(f.name)]
    if missing:
        raise Invalid(*(FieldError(name, "This channel needs it.") for name in missing))
    keep_own_address(user.email)
    if user.contact_methods.count() >= _MOST_METHODS:
        raise Invalid(FieldError("type", f"A person has at most {_MOST_METHODS} contact methods."))
    if user.contact_methods.filter(type=type, address=address).exists():
        raise Conflict(f"{user} has this {channel.title} address already.")
    for_another = actor.email != user.email and can(actor, Permission.MANAGE_PEOPLE)
    trusted = address.lower() == user.email or not channel.abilities.typed or for_another
    row = ContactMethod.objects.create(
        user=user,
        type=type,
        address=address,
        config=config,
        position=(user.contact_methods.aggregate(last=Max("position"))["last"] or 0) + 1,
        verified_at=now if trusted else None,
    )
    record(actor, "contact_method.added", user, _named(row), now)
    if not trusted:
        _send_code(row, now)
    return method_of(row)


@transaction.atomic
def remove_method(*, actor: Actor, email: str, method_id: int, now: datetime) -> None:
    may_edit(actor, email)
    user = user_of(email)
    row = one_method(user, method_id)
    if user.contact_methods.count() == 1:
        raise Conflict("This is the only way to reach them. Add another one first.")
    record(actor, "contact_method.removed", user, _named(row), now)
    row.delete()


@transaction.atomic
def order_methods(*, actor: Actor, email: str, method_ids: Sequence[int], now: datetime) -> None:
    """In which they are tried where no rule says: these first, the others after them as they were."""
    may_edit(actor, email)
    user = user_of(email)
    rows = {row.pk: row for row in user.contact_methods.select_for_update()}
    first = [rows.pop(method_id) for method_id in dict.fromkeys(method_ids) if method_id in rows]
    wanted = [*first, *rows.values()]
    for position, row in enumerate(wanted):
        row.position = position
    ContactMethod.objects.bulk_update(wanted, ("position",))
    record(actor, "contact_methods.ordered", user, {"methods": [_named(row) for row in wanted]}, now)


@transaction.atomic
def set_method_enabled(
    *, actor: Actor, email: str, method_id: int, enabled: bool, now: datetime
) -> MethodInfo:
    may_edit(actor, email)
    user = user_of(email)
    row = one_method(user, method_id)
    if enabled == (row.disabled_at is None):
        return method_of(row)
    row.disabled_at, row.disabled_reason = (None, "") if enabled else (now, f"by {actor.label}"[:255])
    row.save(update_fields=("disabled_at", "disabled_reason"))
    action = "contact_method.enabled" if enabled else "contact_method.disabled"
    record(actor, action, user, _named(row), now)
    return method_of(row)


@transaction.atomic
def send_code(*, actor: Actor, email: str, method_id: int, now: datetime) -> None:
    """A code over the method itself; typing it in verifies the method."""
    may_edit(actor, email)
    row = one_method(user_of(email), method_id)
    if row.verified_at is not None:
        raise Conflict("This contact method is verified already.")
    if row.code_expires_at is not None and row.code_expires_at - CODE_HOLDS > now - timedelta(minutes=1):
        raise Conflict("A code was sent less than a minute ago.")
    _send_code(row, now)


@transaction.atomic
def verify_method(*, actor: Actor, email: str, method_id: int, code: str, now: datetime) -> MethodInfo:
    may_edit(actor, email)
    user = user_of(email)
    row = one_method(user, method_id)
    if row.verified_at is None:
        right = row.code and code.strip() == row.code
        if not right or row.code_expires_at is None or row.code_expires_at < now:
            # One guess for one code: a wrong one is spent.
            ContactMethod.objects.filter(pk=row.pk).update(code="")
            return method_of(row)
        row.verified_at, row.code = now, ""
        row.save(update_fields=("verified_at", "code"))
        record(actor, "contact_method.verified", user, _named(row), now)
    return method_of(row)


def one_method(user: User, method_id: int) -> ContactMethod:
    row = ContactMethod.objects.select_for_update().filter(user=user, pk=method_id).first()
    if row is None:
        raise NotFound("contact method", method_id)
    return row


def _named(row: ContactMethod) -> dict[str, str]:
    return {"type": row.type, "address": shown_address(row.type, row.address)}


def _send_code(row: ContactMethod, now: datetime) -> None:
    lately = Page.objects.filter(user=row.user, kind=MessageKind.CODE, started_at__gt=now - _CODES_WITHIN)
    if lately.count() >= _CODES_AT_MOST:
        raise Conflict("Too many codes were sent within an hour: try again later.")
    code = str(int(ids.hex_key(8), 16))[-6:]
    row.code, row.code_expires_at = code, now + CODE_HOLDS
    row.save(update_fields=("code", "code_expires_at"))
    # Written straight into the outbox: the planner would refuse a method that is not verified.
    straight(
        row,
        MessageKind.CODE,
        f"Your code for Tocsin: {code}",
        "verifies this contact method",
        _CODE_RANK,
        now,
    )


def straight(
    row: ContactMethod, kind: MessageKind, headline: str, reason: str, rank: int, now: datetime
) -> int:
    """One message over this method, whatever the rules say; its page's id."""
    subject = {"incident_id": 0, "ref": "", "title": headline, "severity": "SEV4", "service": "Tocsin"}
    page = Page.objects.create(
        user=row.user,
        kind=kind,
        urgency=Urgency.LOW,
        reason=reason,
        headline=headline,
        subject=subject,
        started_at=now,
    )
    Notification.objects.create(
        page=page,
        method=row,
        via=row.type,
        address=row.address,
        key=ids.new_id(),
        rank=rank,
        due_at=now,
        wanted_at=now,
        reason=reason,
    )
    with connection.cursor() as cursor:
        pg.notify(cursor, "tocsin_due", "delivery")
    return page.pk
