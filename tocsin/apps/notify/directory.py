"""How people are reached: their methods, rules and quiet hours, read for many people at once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db.models import Q

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.notify.models import ContactMethod, NotificationRule, QuietHours
from tocsin.domain import canary
from tocsin.domain.notification.model import Method, Occasion, Rule
from tocsin.domain.notification.plan import together
from tocsin.domain.severity import Urgency
from tocsin.domain.time import BusinessHours, parse_weekday, zone_or_utc
from tocsin.ports import registry

_ENDS = 16


@dataclass(frozen=True)
class Contact:
    """One person. `left` people are never reached."""

    user_id: int | None  # None: the canary, which is nobody
    email: str
    name: str
    left: bool
    methods: tuple[Method, ...]
    rules: tuple[Rule, ...]
    quiet: BusinessHours | None

    @property
    def deliverable(self) -> bool:
        return not self.left and any(method.usable and method.counts for method in self.methods)


class Directory:
    """Reads each person once. One Directory serves one batch of work: what it knows grows old."""

    def __init__(self) -> None:
        self._known: dict[str, Contact | None] = {}

    def load(self, emails: Iterable[str]) -> None:
        missing = sorted({email.lower() for email in emails} - self._known.keys())
        if missing:
            self._known |= dict.fromkeys(missing) | _read(missing)

    def load_everyone(self, most: int = 1000) -> None:
        """For a Directory that many batches share; of a larger organisation, people are read when they
        are met.
        """
        people = User.objects.exclude(state=UserState.LEFT).values_list("email", flat=True)[: most + 1]
        emails = list(people)
        if len(emails) <= most:
            self.load(emails)

    def contact(self, email: str) -> Contact | None:
        self.load((email,))
        return self._known[email.lower()]

    def avoid(self, emails: Iterable[str], types: Collection[str]) -> None:
        """Leave out those ways of these people, of whoever has another."""
        self.load(emails)
        for email in emails:
            contact = self._known.get(email)
            if contact is not None:
                others = replace(contact, methods=tuple(m for m in contact.methods if m.type not in types))
                self._known[email] = others if others.deliverable else contact

    def deliverable(self, email: str) -> bool:
        contact = self.contact(email)
        return contact is not None and contact.deliverable


def why_not(type_: str, *, verified: bool, disabled: str) -> str:
    """Why a method cannot be used; "" when it can."""
    channel = registry.channels.get(type_)
    if channel is None:
        return "no channel yet"
    if disabled:
        return f"disabled: {disabled}"
    if not verified:
        return "not verified"
    return channel.ready


def counts(type_: str) -> bool:
    channel = registry.channels.get(type_)
    return channel is None or channel.counts


def shown_address(type_: str, address: str) -> str:
    """As people may see it: of an address that is somebody's key, where it leads and its end."""
    channel = registry.channels.get(type_)
    if channel is None or not (channel.address.secret or channel.address.private):
        return address
    scheme, _, rest = address.rpartition("://")
    where = f"{scheme}://" if scheme else ""
    if scheme in {"http", "https"} and "@" not in rest:
        where += f"{rest.partition('/')[0]}/"
    return f"{where}…{address[-4:] if len(rest) > _ENDS else ''}"


def own_address(email: str) -> Method:
    """Nobody is without a way to be reached: the address that names them is one. It has no row, hence no
    id.
    """
    problem = why_not("email", verified=True, disabled="")
    return Method(0, "email", email, not problem, problem, counts("email"))


def keep_own_address(email: str) -> None:
    """Give a bare person's own address a row, so that it can be shown and changed."""
    user = (
        User.objects.filter(email=email.lower(), contact_methods=None).exclude(state=UserState.LEFT).first()
    )
    if user is not None:
        ContactMethod.objects.get_or_create(
            user=user, type="email", address=user.email, defaults={"verified_at": user.created_at}
        )


_CANARY = Contact(
    None,
    canary.EMAIL,
    "the canary",
    left=False,
    methods=(Method(0, canary.VIA, canary.EMAIL),),
    rules=(Rule(canary.URGENCY, timedelta(0), canary.VIA),),
    quiet=None,
)


def _read(emails: Sequence[str]) -> dict[str, Contact]:
    users = {user.pk: user for user in User.objects.filter(email__in=emails)}
    rows: dict[int, list[ContactMethod]] = defaultdict(list)
    for row in ContactMethod.objects.filter(user_id__in=users):
        rows[row.user_id].append(row)
    rules: dict[int | None, list[Rule]] = defaultdict(list)
    wanted = NotificationRule.objects.filter(Q(user__in=users) | Q(user__isnull=True))
    for rule in wanted:
        rules[rule.user_id].append(rule_of(rule))
    quiet = {row.user_id: _hours(row) for row in QuietHours.objects.filter(user_id__in=users)}
    ours = {canary.EMAIL: _CANARY} if canary.EMAIL in emails else {}
    return ours | {
        user.email: Contact(
            user.pk,
            user.email,
            user.name or user.email,
            user.state == UserState.LEFT,
            tuple(_method(row) for row in rows[user.pk]) or (own_address(user.email),),
            together(rules[user.pk], rules[None]),
            quiet.get(user.pk),
        )
        for user in users.values()
    }


def rule_of(row: NotificationRule) -> Rule:
    after = timedelta(seconds=row.after_s)
    return Rule(Urgency(row.urgency), after, row.via, Occasion(row.occasion))


def _method(row: ContactMethod) -> Method:
    problem = why_not(row.type, verified=row.verified_at is not None, disabled=_disabled(row))
    return Method(row.pk, row.type, row.address, not problem, problem, counts(row.type))


def _disabled(row: ContactMethod) -> str:
    return (row.disabled_reason or "by its owner") if row.disabled_at else ""


def _hours(row: Any) -> BusinessHours:
    days = frozenset(parse_weekday(str(day)) for day in row.days) or frozenset(range(7))
    return BusinessHours(zone_or_utc(row.timezone), days, row.start, row.end)
