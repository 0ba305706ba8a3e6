"""One incident: the page, and every deed on it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from tocsin.apps.escalation import queries as escalation
from tocsin.apps.escalation.types import CallOutInfo
from tocsin.apps.identity import queries as identity
from tocsin.apps.incidents import actions, parting, queries
from tocsin.apps.incidents import why as explain
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.escalation.model import CallOutKind, CallOutStatus
from tocsin.domain.lifecycle import MOVES, Status
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.permissions import Actor
from tocsin.entrypoints.web import forms, quiet
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views.common import attempt, claimed, holder, names, signed_in
from tocsin.lib.clock import now

_CALLING = frozenset({CallOutStatus.RUNNING, CallOutStatus.EXHAUSTED})
_SNOOZE_MOST = timedelta(days=7)
# What a button of its own says better than "set status".
_NOT_BY_HAND = frozenset({Status.RESOLVED, Status.MERGED})
# Why somebody was not called, among the decisions of a call-out.
_NOT_CALLED = frozenset({"skipped", "nobody", "merged", "undeliverable", "passed", "cancelled"})

# Deeds that claim it, which somebody else may already have done.
_ANSWERS = frozenset({"acknowledge", "respond"})

Deed = Callable[[Actor, str, QueryDict], object]


@signed_in
@require_GET
def show(request: HttpRequest, reader: Reader, ref: str) -> HttpResponse:
    incident = queries.incident(ref, actor=reader.actor)
    table = escalation.severity_table()
    called = names()
    row = table[incident.severity]
    first_ack = incident.first_acknowledged_at
    shared = _shared([each.labels for each in incident.alerts])
    context = {
        "incident": incident,
        "is_open": incident.is_open,
        "my_role": incident.my_role,
        "severity_row": row,
        "table": list(table.values()),
        "names": called,
        "acknowledger": called.get(incident.acknowledged_by or "", ""),
        "mine": incident.acknowledged_by is not None and incident.acknowledged_by == reader.email,
        "deadline": next(
            (each.ack_deadline for each in incident.call_outs if each.kind is CallOutKind.SERVICE), None
        ),
        "to_ack": first_ack - incident.declared_at if first_ack else None,
        "lasted": incident.resolved_at - incident.declared_at if incident.resolved_at else None,
        "statuses": [each for each in incident.allowed if each not in _NOT_BY_HAND],
        "split_from": parting.came_from(ref) if incident.is_open else "",
        "shared": shared,
        "holds": quiet.holds(incident.alerts),
        "quiet": quiet.of_incident(incident) if incident.is_open else (),
        "silence_url": quiet.silence_incident(incident, shared),
        "can_reopen": Status.INVESTIGATING in MOVES[incident.status],
        "timeline": incident.timeline,
        "whys": explain.everybody(incident, now()),
        "asked": _asked(request, reader, ref),
        "rooms": [each for each in incident.pages if each.kind is MessageKind.ROOM],
        "helpers": [each for each in incident.responders if each != incident.acknowledged_by],
        "asked_to_help": any(_asks(each, reader.email) for each in incident.call_outs),
        "call_outs": incident.call_outs,
        "why_not": [
            decision
            for call_out in incident.call_outs
            for decision in call_out.decisions
            if decision.kind in _NOT_CALLED and not decision.email
        ],
        "people": identity.people(),
        "teams": identity.teams(),
    }
    return render(request, "incidents/show.html", context)


def _shared(labels: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What all alerts have in common is said once."""
    first, *others = labels or [{}]
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}


def _asked(request: HttpRequest, reader: Reader, ref: str) -> explain.PersonWhy | None:
    """Of whom the reader wants to know why they were not called."""
    email = forms.text(request.GET, "why")
    return explain.person(ref, email, actor=reader.actor, now=now()) if email else None


def _asks(call: CallOutInfo, email: str) -> bool:
    """Whether it is a call for this person's help that waits for their answer."""
    declined = any(each.kind == "declined" and each.email == email for each in call.decisions)
    waits = call.kind is CallOutKind.HELP and call.status in _CALLING
    return waits and email in call.targets and not declined


def _severity(actor: Actor, ref: str, data: QueryDict) -> object:
    wanted = forms.severity(data)
    reason = forms.text(data, "reason")
    return actions.set_severity(actor=actor, ref=ref, severity=wanted, reason=reason, now=now())


def _status(actor: Actor, ref: str, data: QueryDict) -> object:
    try:
        wanted = Status(forms.text(data, "status"))
    except ValueError:
        raise Invalid(FieldError("status", "Please choose one.")) from None
    return actions.set_status(actor=actor, ref=ref, status=wanted, now=now())


def _reassign(actor: Actor, ref: str, data: QueryDict) -> object:
    emails = [email.replace("\0", "") for email in data.getlist("email") if email]
    return actions.reassign(actor=actor, ref=ref, emails=emails, now=now())


def _ask_help(actor: Actor, ref: str, data: QueryDict) -> object:
    text = forms.text(data, "text")
    return actions.ask_help(
        actor=actor, ref=ref, target=forms.target(data), text=text, urgency=forms.urgency(data), now=now()
    )


def _accept(actor: Actor, ref: str, _: QueryDict) -> object:
    return actions.accept_help(actor=actor, ref=ref, now=now())


def _decline(actor: Actor, ref: str, data: QueryDict) -> object:
    return actions.decline_help(actor=actor, ref=ref, reason=forms.text(data, "reason"), now=now())


def _snooze(actor: Actor, ref: str, data: QueryDict) -> object:
    at = now()
    until = at + forms.minutes(data, "minutes", most=_SNOOZE_MOST)
    return actions.snooze(actor=actor, ref=ref, until=until, now=at)


def _note(actor: Actor, ref: str, data: QueryDict) -> object:
    text, update = forms.text(data, "text", required=True), "update" in data
    return actions.note(actor=actor, ref=ref, text=text, update=update, now=now())


def _merge(actor: Actor, ref: str, data: QueryDict) -> object:
    return actions.merge(actor=actor, ref=ref, into=forms.text(data, "into", required=True), now=now())


def _split(actor: Actor, ref: str, data: QueryDict) -> IncidentDetail:
    """`alert` may be there several times."""
    chosen = [int(each) for each in data.getlist("alert") if each.isascii() and each.isdecimal()]
    return parting.split(actor=actor, ref=ref, alert_ids=chosen, now=now())


DEEDS: Mapping[str, tuple[Deed, str]] = {
    "acknowledge": (
        lambda a, r, _: actions.acknowledge(actor=a, ref=r, now=now()),
        "It is yours. Nobody else is called.",
    ),
    "respond": (
        lambda a, r, _: actions.respond(actor=a, ref=r, now=now()),
        "You are responding. Nobody else is called.",
    ),
    "take_over": (
        lambda a, r, _: actions.take_over(actor=a, ref=r, now=now()),
        "It is yours now. Nobody is called.",
    ),
    "seen": (
        lambda a, r, _: actions.seen(actor=a, ref=r, now=now()),
        "Noted. The responders are still called.",
    ),
    "resolve": (lambda a, r, _: actions.resolve(actor=a, ref=r, now=now()), "Resolved."),
    "reopen": (lambda a, r, _: actions.reopen(actor=a, ref=r, now=now()), "Open again; people are called."),
    "escalate": (lambda a, r, _: actions.escalate(actor=a, ref=r, now=now()), "The next step is called now."),
    "mitigate": (lambda a, r, _: actions.mitigate(actor=a, ref=r, now=now()), "Marked as mitigated."),
    "severity": (_severity, "The severity is set."),
    "status": (_status, "The status is set."),
    "reassign": (_reassign, "Handed over; they are called now."),
    "ask_help": (_ask_help, "They are called now."),
    "accept": (_accept, "You are helping. Nobody else is called to help."),
    "decline": (_decline, "Noted. Whoever asked is told, and the next one is called."),
    "snooze": (_snooze, "Snoozed."),
    "unsnooze": (
        lambda a, r, _: actions.unsnooze(actor=a, ref=r, now=now()),
        "The snooze is over.",
    ),
    "merge": (_merge, "Merged."),
    "split": (_split, ""),
    "rejoin": (
        lambda a, r, _: parting.rejoin(actor=a, ref=r, now=now()),
        "They are together again.",
    ),
    "note": (_note, ""),
}


@signed_in
@require_POST
def act(request: HttpRequest, reader: Reader, ref: str, deed: str) -> HttpResponse:
    if deed not in DEEDS:
        raise NotFound("action", deed)
    run, done = DEEDS[deed]

    def words(made: object) -> str:
        if deed == "split" and isinstance(made, IncidentDetail):
            return f"{made.ref} has them now, and their repeats."
        if deed not in _ANSWERS or not isinstance(made, IncidentDetail):
            return done
        return claimed(made, reader.email, done) or f"{holder(made)} has it. You can take it over."

    attempt(request, lambda: run(reader.actor, ref, request.POST), words)
    return redirect("incident", ref)
