"""How a person is reached: their own business, or an administrator's."""

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction

from tocsin.apps.audit import actions as audit
from tocsin.apps.identity.models import User
from tocsin.apps.notify.actions.calling import call_many
from tocsin.apps.notify.directory import keep_own_address
from tocsin.apps.notify.models import ContactMethod, Notification, NotificationRule, Page, QuietHours
from tocsin.apps.notify.queries import method_of
from tocsin.apps.notify.types import MethodInfo, QuietHoursInfo, Request
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.notification.model import MessageKind, Occasion, Rule, Subject
from tocsin.domain.notification.plan import group_name
from tocsin.domain.permissions import Actor, Permission, can, require
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.time import parse_weekday, parse_zone
from tocsin.lib import ids
from tocsin.ports import registry

_CODE_HOLDS = timedelta(minutes=30)
_MOST_METHODS = 20
_MOST_RULES = 50
_LONGEST_DELAY_S = 24 * 3600


def _may_edit(actor: Actor, email: str) -> None:
    if actor.email == email.lower():
        require(actor, Permission.EDIT_SELF)
    else:
        require(actor, Permission.MANAGE_PEOPLE)


def _user(email: str) -> User:
    row = User.objects.select_for_update().filter(email=email.lower()).first()
    if row is None:
        raise NotFound("user", email)
    return row


def _record(actor: Actor, action: str, user: User, data: dict[str, Any], now: datetime) -> None:
    audit.record(
        actor=actor,
        action=action,
        target_kind="user",
        target_id=user.pk,
        target_label=user.email,
        data=data,
        now=now,
    )


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
    """The owner's own login address and what an administrator adds are verified; anything else gets a
    code.
    """
    _may_edit(actor, email)
    user = _user(email)
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
    trusted = address.lower() == user.email or can(actor, Permission.MANAGE_PEOPLE)
    row = ContactMethod.objects.create(
        user=user,
        type=type,
        address=address,
        config=config,
        position=user.contact_methods.count(),
        verified_at=now if trusted else None,
    )
    _record(actor, "contact_method.added", user, {"type": type, "address": address}, now)
    if not trusted:
        _send_code(row, now)
    return method_of(row)


@transaction.atomic
def remove_method(*, actor: Actor, email: str, method_id: int, now: datetime) -> None:
    _may_edit(actor, email)
    user = _user(email)
    row = _method(user, method_id)
    if user.contact_methods.count() == 1:
        raise Conflict("This is the only way to reach them. Add another one first.")
    _record(actor, "contact_method.removed", user, {"type": row.type, "address": row.address}, now)
    row.delete()


@transaction.atomic
def set_method_enabled(
    *, actor: Actor, email: str, method_id: int, enabled: bool, now: datetime
) -> MethodInfo:
    _may_edit(actor, email)
    user = _user(email)
    row = _method(user, method_id)
    if enabled == (row.disabled_at is None):
        return method_of(row)
    row.disabled_at, row.disabled_reason = (None, "") if enabled else (now, f"by {actor.label}"[:255])
    row.save(update_fields=("disabled_at", "disabled_reason"))
    action = "contact_method.enabled" if enabled else "contact_method.disabled"
    _record(actor, action, user, {"type": row.type, "address": row.address}, now)
    return method_of(row)


@transaction.atomic
def send_code(*, actor: Actor, email: str, method_id: int, now: datetime) -> None:
    """A code over the method itself; typing it in verifies the method."""
    _may_edit(actor, email)
    row = _method(_user(email), method_id)
    if row.verified_at is not None:
        raise Conflict("This contact method is verified already.")
    if row.code_expires_at is not None and row.code_expires_at - _CODE_HOLDS > now - timedelta(minutes=1):
        raise Conflict("A code was sent less than a minute ago.")
    _send_code(row, now)


@transaction.atomic
def verify_method(*, actor: Actor, email: str, method_id: int, code: str, now: datetime) -> MethodInfo:
    _may_edit(actor, email)
    user = _user(email)
    row = _method(user, method_id)
    if row.verified_at is None:
        right = row.code and code.strip() == row.code
        if not right or row.code_expires_at is None or row.code_expires_at < now:
            # One guess for one code: a wrong one is spent.
            ContactMethod.objects.filter(pk=row.pk).update(code="")
            return method_of(row)
        row.verified_at, row.code = now, ""
        row.save(update_fields=("verified_at", "code"))
        _record(actor, "contact_method.verified", user, {"type": row.type, "address": row.address}, now)
    return method_of(row)


@transaction.atomic
def set_rules(*, actor: Actor, email: str, rules: Sequence[Rule], now: datetime) -> None:
    """All of a person's rules; none of an urgency means the default for it."""
    _may_edit(actor, email)
    user = _user(email)
    _check_rules(rules)
    user.notification_rules.all().delete()
    NotificationRule.objects.bulk_create(_rule_rows(user, rules, from_file=False))
    _record(actor, "notification_rules.set", user, {"rules": _shown(rules)}, now)


@transaction.atomic
def set_default_rules(*, actor: Actor, rules: Sequence[Rule], now: datetime, from_file: bool = False) -> None:
    """The rules of everybody who has none of their own."""
    require(actor, Permission.CONFIGURE)
    _check_rules(rules)
    NotificationRule.objects.filter(user=None).delete()
    NotificationRule.objects.bulk_create(_rule_rows(None, rules, from_file=from_file))
    audit.record(
        actor=actor,
        action="notification_rules.set",
        target_kind="organisation",
        target_id="",
        target_label="everybody",
        data={"rules": _shown(rules)},
        now=now,
    )


@transaction.atomic
def set_quiet_hours(*, actor: Actor, email: str, hours: QuietHoursInfo | None, now: datetime) -> None:
    """They defer low urgency only. None: no quiet hours."""
    _may_edit(actor, email)
    user = _user(email)
    QuietHours.objects.filter(user=user).delete()
    if hours is not None:
        try:
            parse_zone(hours.timezone)
            start, end = time.fromisoformat(hours.start), time.fromisoformat(hours.end)
            days = [str(day) for day in hours.days if parse_weekday(str(day)) >= 0]
        except ValueError as error:
            raise Invalid(FieldError("quiet_hours", str(error))) from error
        QuietHours.objects.create(user=user, timezone=hours.timezone, days=days, start=start, end=end)
    _record(actor, "quiet_hours.set", user, {"set": hours is not None}, now)


@transaction.atomic
def save_person(
    *,
    actor: Actor,
    email: str,
    methods: Sequence[tuple[str, str, dict[str, str]]],
    rules: Sequence[Rule],
    quiet_hours: QuietHoursInfo | None,
    now: datetime,
) -> None:
    """What a configuration file says of a person: (type, address, config), all verified.

    What people added stays.
    """
    require(actor, Permission.CONFIGURE)
    user = _user(email)
    kept = []
    for position, (type_, address, config) in enumerate(methods):
        row, _ = ContactMethod.objects.update_or_create(
            user=user,
            type=type_,
            address=address,
            defaults={"config": config, "position": position, "from_file": True},
        )
        if row.verified_at is None:
            row.verified_at = now
            row.save(update_fields=("verified_at",))
        kept.append(row.pk)
    user.contact_methods.filter(from_file=True).exclude(pk__in=kept).delete()
    user.notification_rules.filter(from_file=True).delete()
    if rules:
        _check_rules(rules)
        user.notification_rules.all().delete()
        NotificationRule.objects.bulk_create(_rule_rows(user, rules, from_file=True))
    if quiet_hours is not None:
        set_quiet_hours(actor=actor, email=email, hours=quiet_hours, now=now)
    _record(actor, "person.configured", user, {"methods": len(methods), "rules": _shown(rules)}, now)


@transaction.atomic
def send_test(*, actor: Actor, email: str, now: datetime, urgency: Urgency = Urgency.HIGH) -> None:
    """A test page over everything that a real one of this urgency would use."""
    if actor.email != email.lower():
        require(actor, Permission.PAGE)
    else:
        require(actor, Permission.EDIT_SELF)
    _user(email)
    subject = Subject(0, "TEST", "This is a test: nothing is wrong", Severity.SEV4, "Tocsin")
    request = Request(
        email,
        MessageKind.TEST,
        urgency,
        subject,
        f"test asked for by {actor.label}",
        headline="Test page: nothing is wrong",
    )
    call_many(requests=(request,), now=now)


def _method(user: User, method_id: int) -> ContactMethod:
    row = ContactMethod.objects.select_for_update().filter(user=user, pk=method_id).first()
    if row is None:
        raise NotFound("contact method", method_id)
    return row


def _send_code(row: ContactMethod, now: datetime) -> None:
    code = str(int(ids.hex_key(8), 16))[-6:]
    row.code, row.code_expires_at = code, now + _CODE_HOLDS
    row.save(update_fields=("code", "code_expires_at"))
    # Written straight into the outbox: the planner would refuse a method that is not verified.
    from_ = "Your code for Tocsin"
    _outbox_code(row, f"{from_}: {code}", now)


def _outbox_code(row: ContactMethod, headline: str, now: datetime) -> None:
    subject = {"incident_id": 0, "ref": "", "title": headline, "severity": "SEV4", "service": "Tocsin"}
    page = Page.objects.create(
        user=row.user,
        kind=MessageKind.TEST,
        urgency=Urgency.LOW,
        reason="verifies this contact method",
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
        rank=1,
        due_at=now,
        wanted_at=now,
        reason="verifies this contact method",
    )


def _check_rules(rules: Sequence[Rule]) -> None:
    if len(rules) > _MOST_RULES:
        raise Invalid(FieldError("rules", f"At most {_MOST_RULES} rules."))
    for number, rule in enumerate(rules, 1):
        if rule.occasion is not Occasion.PAGE and rule.urgency is not Urgency.LOW:
            message = "Only rules for pages have an urgency of their own."
            raise Invalid(FieldError(f"rules[{number}].urgency", message))
        if not 0 <= rule.after.total_seconds() <= _LONGEST_DELAY_S:
            raise Invalid(FieldError(f"rules[{number}].after", "A delay is between 0s and 1d."))
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", rule.via):
            raise Invalid(FieldError(f"rules[{number}].via", "Expected a channel such as email."))


def _rule_rows(user: User | None, rules: Sequence[Rule], *, from_file: bool) -> list[NotificationRule]:
    return [
        NotificationRule(
            user=user,
            occasion=rule.occasion,
            urgency=rule.urgency,
            after_s=int(rule.after.total_seconds()),
            via=rule.via,
            position=position,
            from_file=from_file,
        )
        for position, rule in enumerate(rules)
    ]


def _shown(rules: Sequence[Rule]) -> list[str]:
    return [
        f"{group_name(rule.urgency, rule.occasion)} {int(rule.after.total_seconds())}s {rule.via}"
        for rule in rules
    ]
