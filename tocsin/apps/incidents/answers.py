"""What people answer where they read: a key in a call, a reply by SMS, a button in a chat.

An answer acts as the person whose address it comes from, through the same actions as every other door, and
only on what that address was told: the incidents that the message listed; the one they name; or, when they
name none, the only one that is open. A bare "ack" right after a test confirms the test, as it asked to. From
an address of nobody's, nothing is done and nothing is said.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.incidents import actions, listed, queries, replies
from tocsin.apps.incidents.locking import lock_incidents
from tocsin.apps.incidents.models import Incident, TakenAnswer
from tocsin.apps.incidents.replies import Said
from tocsin.apps.incidents.types import IncidentDetail, IncidentRow
from tocsin.apps.notify import actions as notify
from tocsin.apps.notify import queries as notifications
from tocsin.apps.notify.models import ContactMethod, Notification
from tocsin.apps.oncall import actions as oncall
from tocsin.domain.errors import Conflict, PermissionDenied, TocsinError
from tocsin.domain.lifecycle import OPEN
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.permissions import Actor, ActorKind, Role
from tocsin.lib.ratelimit import Buckets
from tocsin.ports.callback import Answer, Deed, Fate, Progress

HOW: Final = "Reply ack 12, res 12 or esc 12, accept 12 or decline 12, ack all, or stop."
_PHONES: Final = ("sms", "voice")  # one number, whichever of the two it was told over
_TOLD: Final = timedelta(days=30)
_CALLS: Final = (MessageKind.PAGE, MessageKind.STAKEHOLDER)
# What asks for an answer: a bare "ack" is to the latest of these.
_ASKS: Final = Q(page__kind__in=(*_CALLS, MessageKind.NUDGE, MessageKind.TEST)) | Q(
    page__more__has_key="confirm"
)
_WORDS: Final = {Deed.ACKNOWLEDGE: "ack", Deed.RESOLVE: "res", Deed.ESCALATE: "esc"}
_NAMED_AT_MOST: Final = 5
_NOTHING: Final = "Nothing is open that you were called for."

# By address: a phone that answers itself must not drive an incident up its ladder.
_pace = Buckets(rate=1 / 6, burst=10)


def take(answer: Answer, now: datetime) -> str:
    """Do what was answered, once for each `answer.id`; what to tell the person, "" for nothing."""
    if _pace.take(f"{answer.via}:{answer.address or answer.key}", now.timestamp()):
        return "Too many answers at once: wait a minute, please."
    with transaction.atomic():
        if not answer.id:
            return _take(answer, now)
        taken, fresh = TakenAnswer.objects.get_or_create(name=answer.id[:128], defaults={"at": now})
        if fresh:
            taken.said = _take(answer, now)
            taken.save(update_fields=("said",))
    return taken.said


@dataclass(frozen=True)
class _Talk:
    """One person's answer. `message`: the one they answer, as far as that is known; `told`: the incidents
    that they were called for here.
    """

    user: User
    actor: Actor
    message: Notification | None
    told: frozenset[int]
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
    if said.deed is Deed.HELP:
        return HOW
    told = {user.pk: _told(user, answer, now) for user in _people(methods)}
    talks = [
        _talk(user, answer, _last_asked(user, answer), (row.id for row in told[user.pk]), now)
        for user in _people(methods)
    ]
    # Of a phone that two people share: what either was called for.
    ours = {row.id: row for rows in told.values() for row in rows}
    rows = _meant([ours[number] for number in sorted(ours, reverse=True)], said)
    if (asked := _test_just_asked(talks, said)) is not None:
        waiting = [str(_number(row)) for row in rows if row.acknowledged_at is None]
        more = f" Not acknowledged yet: reply ack {' '.join(waiting[:_NAMED_AT_MOST])}." if waiting else ""
        return f"{_confirmed(asked)}{more}"
    if not (said.all and said.deed is Deed.ACKNOWLEDGE):
        return _answered(talks, said, rows, clear=bool(said.numbers))
    rows, later = listed.split(rows, told.keys(), answer.address)
    words = _answered(talks, said, rows, clear=True)
    return f"{words} {_some([row.ref for row in later])} came later: ack all again." if later else words


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
    mine = sent.incident_ids if user.pk == message.page.user_id else ()
    return _answered([_talk(user, answer, message, mine, now)], said, rows, clear=True)


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


def _talk(
    user: User, answer: Answer, message: Notification | None, told: Iterable[int], now: datetime
) -> _Talk:
    return _Talk(user, _actor(user, answer), message, frozenset(told), now)


def _actor(user: User, answer: Answer) -> Actor:
    kind = ActorKind.PHONE if answer.via in _PHONES else ActorKind.CHAT
    return Actor(kind, str(user), Role(user.role), user.pk, user.email)


def _called(talk: _Talk) -> _Talk:
    """Whoever is called may answer, whatever else their role lets them do."""
    if talk.actor.role is not Role.OBSERVER:
        return talk
    return replace(talk, actor=replace(talk.actor, role=Role.RESPONDER))


# ---- about what ----


def _left(user: User, answer: Answer) -> Q:
    here = Q(page__user=user, address=answer.address)
    return here & (Q(sent_at__isnull=False) | Q(carried_by__sent_at__isnull=False))


def _last_asked(user: User, answer: Answer) -> Notification | None:
    rows = Notification.objects.select_related("page").filter(_left(user, answer), _ASKS)
    return rows.filter(sent_at__isnull=False).order_by("-sent_at", "-pk").first()


def _test_just_asked(talks: Sequence[_Talk], said: Said) -> _Talk | None:
    """Whose test a bare "ack" answers: calls name their number in what they ask for."""
    sent = [(told.sent_at, told, talk) for talk in talks if (told := talk.message) is not None]
    asked = [(at, told.page.kind, talk) for at, told, talk in sent if at is not None]
    if said.deed is not Deed.ACKNOWLEDGE or said.numbers or said.all or not asked:
        return None
    _, kind, latest = max(asked, key=lambda one: one[0])
    return latest if MessageKind(kind) not in {*_CALLS, MessageKind.NUDGE} else None


def _told(user: User, answer: Answer, now: datetime) -> list[IncidentRow]:
    """The open incidents that this person was called for at this address, the newest first."""
    rows = Notification.objects.filter(_left(user, answer), page__kind__in=_CALLS, wanted_at__gte=now - _TOLD)
    ids = rows.exclude(page__incident_id=None).values_list("page__incident_id", flat=True).distinct()
    found = Incident.objects.filter(pk__in=list(ids), status__in=OPEN).order_by("-pk")
    return list(queries.rows_of(found.values_list("pk", flat=True)))


def _meant(told: Sequence[IncidentRow], said: Said) -> list[IncidentRow]:
    if said.numbers:
        rows = Incident.objects.filter(number__in=said.numbers).order_by("number")
        return list(queries.rows_of(rows.values_list("pk", flat=True)))
    free = [row for row in told if row.acknowledged_at is None]
    return free or list(told) if said.deed is Deed.ACKNOWLEDGE else list(told)


def _number(row: IncidentRow) -> int:
    return int(row.ref.removeprefix("INC-"))


# ---- what is done ----


def _answered(talks: Sequence[_Talk], said: Said, rows: Sequence[IncidentRow], *, clear: bool) -> str:
    """`clear`: there is no doubt which ones are meant."""
    missing = [f"There is no INC-{one}." for one in said.numbers if one not in map(_number, rows)]
    if not rows:
        return " ".join(missing) or _without_incident(talks[0], said)
    if said.deed not in _DEEDS:
        return HOW
    if not clear and len(rows) > 1:
        return _which(said, rows)
    # All at once, in the one order: what follows is one transaction.
    lock_incidents(row.id for row in rows)
    words = [_each(talk, said, of) for talk, of in _by_talk(talks, rows)]
    return " ".join((*words, *missing))


def _by_talk(talks: Sequence[_Talk], rows: Sequence[IncidentRow]) -> list[tuple[_Talk, list[IncidentRow]]]:
    """Each incident to whoever was called for it, the others to the first."""
    found: dict[int, list[IncidentRow]] = defaultdict(list)
    for row in rows:
        found[next((n for n, talk in enumerate(talks) if row.id in talk.told), 0)].append(row)
    return [(talks[number], of) for number, of in found.items()]


def _each(talk: _Talk, said: Said, rows: Sequence[IncidentRow]) -> str:
    if said.deed is Deed.ACKNOWLEDGE and len(rows) > 1:
        words = _all(talk, rows)
    else:
        words = " ".join(_act(talk, said.deed, row) for row in rows)
    _read(talk)  # last: messages are locked after incidents
    return words


def _act(talk: _Talk, deed: Deed, row: IncidentRow) -> str:
    if not row.is_open:
        return f"{row.ref} is {row.status}."
    run, words = _DEEDS[deed]
    try:
        return words(talk, run(_called(talk) if row.id in talk.told else talk, row.ref))
    except PermissionDenied:
        return _refused(row, "not called")
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
    if made.noted:
        return f"{made.ref}: {made.noted}"
    if made.my_role == "stakeholder":
        return f"{made.ref}: noted that you have seen it. The responders are still called."
    return f"{made.ref}: thank you, you are with it."  # a call for help: the incident is another's


def _holder(row: IncidentRow) -> str:
    user = User.objects.filter(email=row.acknowledged_by or "").first()
    return str(user) if user else "another system"


def _all(talk: _Talk, rows: Sequence[IncidentRow]) -> str:
    """Short, whatever their number."""
    ids = [row.id for row in rows]
    # It lets nobody acknowledge what they were not called for.
    made = actions.acknowledge_all(actor=_called(talk).actor, incident_ids=ids, now=talk.now)
    mine = [one.incident.ref for one in made if one.mine]
    noted = [one.incident.ref for one in made if one.noted and not one.mine]
    rest = [one.incident.ref for one in made if not one.mine and not one.noted]
    said = [f"{_some(mine)} acknowledged. {talk.user}, they are yours."] if mine else []
    if noted:
        said.append(f"{_some(noted)} noted: others are still called.")
    said = said or ["None is yours to acknowledge."]
    return " ".join((*said, f"Not changed: {_some(rest)}.") if rest else said)


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
    if said.deed is Deed.ACKNOWLEDGE and message is not None and message.page.kind not in _CALLS:
        return _confirmed(talk)
    return _NOTHING


def _confirmed(talk: _Talk) -> str:
    """A test reached them, or they are ready for their shift."""
    page = talk.message.page if talk.message is not None else None
    if page is not None and page.kind == MessageKind.TEST:
        _read(talk)
        return "Thank you: it reached you, and we know."
    readiness = (page.more or {}).get("confirm") if page is not None else None
    if not readiness:
        return _NOTHING
    try:
        actor = _called(talk).actor
        oncall.confirm_readiness(actor=actor, readiness_id=int(readiness), now=talk.now)
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
