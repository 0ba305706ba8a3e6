"""By which rules a person is reached, and when not: their own business, or an administrator's."""

import re
from collections.abc import Sequence
from datetime import datetime, time

from django.db import transaction

from tocsin.apps.audit import actions as audit
from tocsin.apps.identity.models import User
from tocsin.apps.notify.actions.own import may_edit, record, user_of
from tocsin.apps.notify.directory import rule_of
from tocsin.apps.notify.models import ContactMethod, NotificationRule, QuietHours
from tocsin.apps.notify.types import QuietHoursInfo
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.notification.model import Occasion, Rule
from tocsin.domain.notification.plan import group_name
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import Urgency
from tocsin.domain.time import parse_weekday, parse_zone

_MOST_RULES = 50
_LONGEST_DELAY_S = 24 * 3600


@transaction.atomic
def set_rules(*, actor: Actor, email: str, rules: Sequence[Rule], now: datetime) -> None:
    """All of a person's rules; none of an urgency or occasion means everybody's for it."""
    may_edit(actor, email)
    user = user_of(email)
    _check_rules(rules)
    # A file's rules that are still there are still its own.
    filed = {rule_of(row) for row in user.notification_rules.filter(from_file=True)}
    user.notification_rules.all().delete()
    rows = _rule_rows(user, rules, from_file=False)
    for row in rows:
        row.from_file = rule_of(row) in filed
    NotificationRule.objects.bulk_create(rows)
    record(actor, "notification_rules.set", user, {"rules": _shown(rules)}, now)


@transaction.atomic
def set_default_rules(*, actor: Actor, rules: Sequence[Rule], now: datetime, from_file: bool = False) -> None:
    """The rules of everybody who has none of their own for the same."""
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
    may_edit(actor, email)
    user = user_of(email)
    QuietHours.objects.filter(user=user).delete()
    if hours is not None:
        try:
            parse_zone(hours.timezone)
            start, end = time.fromisoformat(hours.start), time.fromisoformat(hours.end)
            days = [str(day) for day in hours.days if parse_weekday(str(day)) >= 0]
        except ValueError as error:
            raise Invalid(FieldError("quiet_hours", str(error))) from error
        QuietHours.objects.create(user=user, timezone=hours.timezone, days=days, start=start, end=end)
    record(actor, "quiet_hours.set", user, {"set": hours is not None}, now)


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

    What people added stays, rules for what the file has none for as well.
    """
    require(actor, Permission.CONFIGURE)
    user = user_of(email)
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
        for urgency, occasion in {(rule.urgency, rule.occasion) for rule in rules}:
            user.notification_rules.filter(urgency=urgency, occasion=occasion).delete()
        NotificationRule.objects.bulk_create(_rule_rows(user, rules, from_file=True))
    if quiet_hours is not None:
        set_quiet_hours(actor=actor, email=email, hours=quiet_hours, now=now)
    record(actor, "person.configured", user, {"methods": len(methods), "rules": _shown(rules)}, now)


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
