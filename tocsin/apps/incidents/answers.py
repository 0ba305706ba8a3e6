"""What people answer where they read: a key in a call, a reply by SMS, a button in a chat.

An answer acts as the person whose address it comes from, through the same actions as every other door, and
only on what that address was told: the incidents that the message listed; the one they name; or, when they
name none, the only one that is open. From an address of nobody's, nothing is done and nothing is said.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.incidents import actions, queries, replies
from tocsin.apps.incidents.models import Incident, TakenAnswer
from tocsin.apps.incidents.replies import Said
from tocsin.apps.incidents.types import IncidentDetail, IncidentRow
from tocsin.apps.notify import actions as notify
from tocsin.apps.notify import queries as notifications
from tocsin.apps.notify.models import ContactMethod, Notification
from tocsin.apps.oncall import actions as oncall
from tocsin.domain.errors import Conflict, TocsinError
from tocsin.domain.lifecycle import OPEN
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.permissions import Actor, ActorKind, Role
from tocsin.lib.ratelimit import Buckets
from tocsin.ports.callback import Answer, Deed, Fate, Progress

HOW: Final = "Reply ack 12, res 12 or esc 12, accept 12 or decline 12, ack all, or stop."
_PHONES: Final = ("sms", "voice")  # one number, whichever of the two it was told over
_TOLD: Final = timedelta(days=30)
_CALLS: Final = (MessageKind.PAGE, MessageKind.STAKEHOLDER)
_WORDS: Final = {Deed.ACKNOWLEDGE: "ack", Deed.RESOLVE: "res", Deed.ESCALATE: "esc"}
_NAMED_AT_MOST: Final = 5

# By address: a phone that answers itself must not drive an incident up its ladder.
_pace = Buckets(rate=1 / 6, burst=10)


def take(answer: Answer, now: datetime) -> str:
    """Do what was answered, once for each `answer.id`; what to tell the person, "" for nothing."""
    if _pace.take(f"{answer.via}:{answer.address or answer.key}", now.timestamp()):
        return "Too many answers at once: wait a minute, please."
    if not answer.id:
        return _take(answer, now)
    with transaction.atomic():
        taken, fresh = TakenAnswer.objects.get_or_create(name=answer.id[:128], defaults={"at": now})
        if fresh:
            taken.said = _take(answer, now)
            taken.save(update_fields=("said",))
    return taken.said


@dataclass(frozen=True)
class _Talk:
    """One person's answer. `message`: the one they answer, as far as that is known."""

    user: User
    actor: Actor
    message: Notification | None
    now: datetime


def _take(answer: Answer, now: datetime) -> str:
    said = replies.read(answer.text) if answer.deed is Deed.WORDS else _said(answer)
    if answer.key:
        return _to_message(answer, said, now)
    methods = _methods(answer)
    if not methods:
        return ""
    if said.deed in {Deed.STOP, Deed.START}:
        here = [method for method in methods if method.type == answer.via]
        return _stop(here, answer, now) if said.deed is Deed.STOP else _start(here, answer, now)
    if said.deed is Deed.UNKNOWN:
        return f"That was not understood. {HOW}"
    talks = [_talk(user, answer, _last_told(user, answer), now) for user in _people(methods)]
    told = {talk.user.pk: _told(talk.user, answer, now) for talk in talks}
    talk = next((one for one in talks if _knows(told[one.user.pk], said)), talks[0])
    rows = _meant(told[talk.user.pk], said)
    every = said.all and said.deed is Deed.ACKNOWLEDGE
    return _answered(talk, said, rows, clear=every or bool(said.numbers))


def _to_message(answer: Answer, said: Said, now: datetime) -> str:
    """What a message asked, answered in itself: about all that it listed, and nothing else."""
    message = Notification.objects.select_related("page__user").filter(key=answer.key).first()
    if message is None:
        return ""
    user = message.page.user if message.address == answer.address else None
    if user is None:  # a room, where anybody may press: by their own address
        user = next(iter(_people(_methods(answer))), None)
    sent = notifications.sent_by_key(answer.key)
    if user is None or user.state == UserState.LEFT or sent is None:
        return ""
    if said.deed is Deed.UNKNOWN:
        return HOW
    rows = queries.rows_of(sent.incident_ids)
    return _answered(_talk(user, answer, message, now), said, rows, clear=True)


def _said(answer: Answer) -> Said:
    numbers = () if answer.number is None else (answer.number,)
    return Said(answer.deed, numbers, answer.all)


# ---- who ----


def _methods(answer: Answer) -> list[ContactMethod]:
    vias = _PHONES if answer.via in _PHONES else (answer.via,)
    rows = ContactMethod.objects.filter(type__in=vias, address=answer.address, verified_at__isnull=False)
    return list(rows.exclude(user__state=UserState.LEFT).select_related("user"))


def _people(methods: Sequence[ContactMethod]) -> list[User]:
    return list({method.user_id: method.user for method in methods}.values())


def _talk(user: User, answer: Answer, message: Notification | None, now: datetime) -> _Talk:
    return _Talk(user, _actor(user, answer), message, now)


def _actor(user: User, answer: Answer) -> Actor:
    kind = ActorKind.PHONE if answer.via in _PHONES else ActorKind.CHAT
    # Whoever is called may answer, whatever else their role lets them do.
    role = Role(user.role) if user.role != Role.OBSERVER else Role.RESPONDER
    return Actor(kind, str(user), role, user.pk, user.email)


# ---- about what ----


def _left(user: User, answer: Answer) -> Q:
    here = Q(page__user=user, address=answer.address)
    return here & (Q(sent_at__isnull=False) | Q(carried_by__sent_at__isnull=False))


def _last_told(user: User, answer: Answer) -> Notification | None:
    rows = Notification.objects.select_related("page").filter(_left(user, answer), sent_at__isnull=False)
    return rows.order_by("-sent_at", "-pk").first()


def _told(user: User, answer: Answer, now: datetime) -> list[IncidentRow]:
    """The open incidents that this person was called for at this address, the newest first."""
    rows = Notification.objects.filter(_left(user, answer), page__kind__in=_CALLS, wanted_at__gte=now - _TOLD)
    ids = rows.exclude(page__incident_id=None).values_list("page__incident_id", flat=True).distinct()
    found = Incident.objects.filter(pk__in=list(ids), status__in=OPEN).order_by("-pk")
    return list(queries.rows_of(found.values_list("pk", flat=True)))


def _knows(told: Sequence[IncidentRow], said: Said) -> bool:
    return any(_number(row) in said.numbers for row in told) if said.numbers else bool(told)


def _meant(told: Sequence[IncidentRow], said: Said) -> list[IncidentRow]:
    if said.numbers:
        rows = Incident.objects.filter(number__in=said.numbers).order_by("number")
        return list(queries.rows_of(rows.values_list("pk", flat=True)))
    free = [row for row in told if row.acknowledged_at is None]
    return free or list(told) if said.deed is Deed.ACKNOWLEDGE else list(told)


def _number(row: IncidentRow) -> int:
    return int(row.ref.removeprefix("INC-"))


# ---- what is done ----


def _answered(talk: _Talk, said: Said, rows: Sequence[IncidentRow], *, clear: bool) -> str:
    """`clear`: there is no doubt which ones are meant."""
    missing = [f"There is no INC-{one}." for one in said.numbers if one not in map(_number, rows)]
    if not rows:
        return " ".join(missing) or _without_incident(talk, said)
    if said.deed not in _DEEDS:
        return HOW
    if not clear and len(rows) > 1:
        return _which(said, rows)
    _read(talk)
    if said.deed is Deed.ACKNOWLEDGE and len(rows) > 1:
        return " ".join((_all(talk, rows), *missing))
    return " ".join((*(_act(talk, said.deed, row) for row in rows), *missing))


def _act(talk: _Talk, deed: Deed, row: IncidentRow) -> str:
    if not row.is_open:
        return f"{row.ref} is {row.status}."
    run, words = _DEEDS[deed]
    try:
        return words(talk, run(talk, row.ref))
    except Conflict as error:
        return _refused(row, str(error))
    except TocsinError as error:
        return str(error)


def _refused(row: IncidentRow, why: str) -> str:
    return f"You were not called for {row.ref}." if "not called" in why else why


def _acknowledged(talk: _Talk, made: IncidentDetail) -> str:
    if made.acknowledged_by == talk.user.email:
        return f"{made.ref} acknowledged. {talk.user}, it is yours."
    if made.acknowledged_at is not None:
        return f"{made.ref}: already acknowledged by {_holder(made)}."
    if made.my_role == "stakeholder":
        return f"{made.ref}: noted that you have seen it. The responders are still called."
    return f"{made.ref}: thank you, you are with it."  # a call for help: the incident is another's


def _holder(row: IncidentRow) -> str:
    user = User.objects.filter(email=row.acknowledged_by or "").first()
    return str(user) if user else "another system"


def _all(talk: _Talk, rows: Sequence[IncidentRow]) -> str:
    """Short, whatever their number."""
    made = actions.acknowledge_all(actor=talk.actor, incident_ids=[row.id for row in rows], now=talk.now)
    mine = [one.incident.ref for one in made if one.mine]
    rest = [one.incident.ref for one in made if not one.mine]
    said = (
        f"{_some(mine)} acknowledged. {talk.user}, they are yours."
        if mine
        else "None is yours to acknowledge."
    )
    return f"{said} Not changed: {_some(rest)}." if rest else said


def _some(refs: Sequence[str]) -> str:
    more = len(refs) - _NAMED_AT_MOST
    return ", ".join(refs[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _which(said: Said, rows: Sequence[IncidentRow]) -> str:
    word = _WORDS.get(said.deed, str(said.deed))
    named = [f"{word} {_number(row)}" for row in rows[:_NAMED_AT_MOST]]
    every = f", or {word} all" if said.deed is Deed.ACKNOWLEDGE else ""
    return f"Which? {' or '.join(named)}{every}"


def _without_incident(talk: _Talk, said: Said) -> str:
    message = talk.message
    if said.deed is not Deed.ACKNOWLEDGE or message is None:
        return "Nothing is open that you were called for."
    if message.page.kind == MessageKind.TEST:
        _read(talk)
        return "Thank you: it reached you, and we know."
    readiness = (message.page.more or {}).get("confirm")
    if not readiness:
        return "Nothing is open that you were called for."
    try:
        oncall.confirm_readiness(actor=talk.actor, readiness_id=int(readiness), now=talk.now)
    except TocsinError as error:
        return str(error)
    _read(talk)
    return "Thank you: you are ready."


def _read(talk: _Talk) -> None:
    """Who answers a message has read it."""
    message = talk.message
    if message is not None and message.sent_at is not None:
        word = Progress(message.ref, Fate.READ, "it was answered", message.key)
        notify.progress(vendor=message.vendor or message.via, progress=word, now=talk.now)


_Run = Callable[[_Talk, str], IncidentDetail]
_Words = Callable[[_Talk, IncidentDetail], str]
_DEEDS: Final[dict[Deed, tuple[_Run, _Words]]] = {
    Deed.ACKNOWLEDGE: (
        lambda talk, ref: actions.acknowledge(actor=talk.actor, ref=ref, now=talk.now),
        _acknowledged,
    ),
    Deed.RESOLVE: (
        lambda talk, ref: actions.resolve(actor=talk.actor, ref=ref, now=talk.now),
        lambda _talk, made: f"{made.ref} is {made.status}.",
    ),
    Deed.ESCALATE: (
        lambda talk, ref: actions.escalate(actor=talk.actor, ref=ref, now=talk.now),
        lambda _talk, made: f"{made.ref}: the next step is called now.",
    ),
    Deed.ACCEPT: (
        lambda talk, ref: actions.accept_help(actor=talk.actor, ref=ref, now=talk.now),
        lambda talk, made: f"Thank you, {talk.user}: you are with {made.ref}.",
    ),
    Deed.DECLINE: (
        lambda talk, ref: actions.decline_help(actor=talk.actor, ref=ref, now=talk.now),
        lambda _talk, made: f"{made.ref} declined: somebody else is called.",
    ),
}


# ---- whether to be told at all ----


def _stop(methods: Sequence[ContactMethod], answer: Answer, now: datetime) -> str:
    how = "SMS" if answer.via == "sms" else answer.via
    for method in methods:
        notify.stop_method(actor=_actor(method.user, answer), method_id=method.pk, how=how, now=now)
    return "Tocsin sends you nothing more here. Reply start to undo." if methods else ""


def _start(methods: Sequence[ContactMethod], answer: Answer, now: datetime) -> str:
    begun = [
        notify.start_method(actor=_actor(method.user, answer), method_id=method.pk, now=now)
        for method in methods
    ]
    return "Welcome back: Tocsin reaches you here again." if any(begun) else "Nothing was stopped here."
