"""Notification rules and quiet hours: read from their forms, tried out before they are saved."""

from dataclasses import replace
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from tocsin.apps.notify import actions, queries
from tocsin.apps.notify.types import QuietHoursInfo, RuleInfo
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.notification.model import Rule
from tocsin.domain.notification.plan import group_name
from tocsin.domain.time import parse_duration
from tocsin.entrypoints.web import forms, reach
from tocsin.entrypoints.web.reader import Reader
from tocsin.entrypoints.web.views import reached
from tocsin.entrypoints.web.views.common import signed_in
from tocsin.entrypoints.web.views.methods import settle
from tocsin.lib.clock import now


def rows_of(request: HttpRequest) -> list[reach.Row]:
    """The lines of the form, without empty ones and the one to be removed; each with its fault."""
    removed = request.POST.get("remove", "")
    typed = zip(request.POST.getlist("after"), request.POST.getlist("via"), strict=False)
    rows = []
    for number, (after, via) in enumerate(typed):
        if str(number) == removed or not (via.strip() or after.strip()):
            continue
        rows.append(reach.Row(after.strip(), via.strip(), _problem(after, via)))
    return rows


def _problem(after: str, via: str) -> str:
    if not via.strip():
        return "Choose over what." if after.strip(" 0ms") else ""
    try:
        parse_duration(_spelt(after))
    except ValueError:
        return "Expected a delay, such as 0m, 90s or 5m."
    return ""


def _spelt(after: str) -> str:
    """A bare number is minutes, and nothing is at once."""
    text = after.strip() or "0"
    return f"{text}m" if text.isascii() and text.isdecimal() else text


def rules_of(group: str, rows: list[reach.Row]) -> list[Rule]:
    urgency, occasion = reach.group_of(group)
    known = (row for row in rows if row.via and not row.error)
    return sorted(
        (Rule(urgency, parse_duration(_spelt(row.after)), row.via, occasion) for row in known),
        key=lambda rule: rule.after,
    )


@signed_in
@require_POST
def save(request: HttpRequest, reader: Reader, email: str, group: str) -> HttpResponse:
    """The rules of one urgency or occasion; the others stay."""
    require_known(group)
    reset, copied = "reset" in request.POST, "copy" in request.POST
    rows = [] if reset or copied else rows_of(request)
    if any(row.error for row in rows):
        return _refused(request, reader, email, group, rows)

    def deed() -> str:
        wanted = rules_of(group, rows)
        if copied:
            wanted = [rule_of(rule) for rule in queries.default_rules() if name_of(rule) == group]
        others = [rule_of(rule) for rule in queries.own_rules(email) if name_of(rule) != group]
        actions.set_rules(actor=reader.actor, email=email, rules=[*others, *wanted], now=now())
        return "Everybody's rules hold again." if reset else "The rules are saved."

    return settle(request, reader, email, deed, form=group, then=f"#rules-{group}")


@signed_in
@require_POST
def preview(request: HttpRequest, reader: Reader, email: str, group: str) -> HttpResponse:
    """What the rules in the form would come to; nothing is saved."""
    require_known(group)
    rules = rules_of(group, rows_of(request))
    whose = "your" if email.lower() == reader.email else "their"
    sentence, doubts = reach.preview_of(email, group, rules, now(), whose=whose)
    context = {"sentence": sentence, "doubts": doubts, "group": group}
    return render(request, "people/comes_to.html", context)


@signed_in
@require_POST
def set_quiet_hours(request: HttpRequest, reader: Reader, email: str) -> HttpResponse:
    def deed() -> str:
        start, end = forms.text(request.POST, "start"), forms.text(request.POST, "end")
        off = "off" in request.POST or not (start or end)
        hours = None
        if not off:
            if not start or not end:
                raise Invalid(FieldError("quiet_hours", "Say from when until when."))
            zone = forms.text(request.POST, "timezone", required=True)
            hours = QuietHoursInfo(zone, tuple(request.POST.getlist("days")), start, end)
        actions.set_quiet_hours(actor=reader.actor, email=email, hours=hours, now=now())
        return "No quiet hours." if off else "The quiet hours are saved."

    return settle(request, reader, email, deed, form="quiet", then="#quiet")


def _refused(
    request: HttpRequest, reader: Reader, email: str, group: str, rows: list[reach.Row]
) -> HttpResponse:
    """The form again as it was typed, each line with what is wrong with it."""
    whose = "your" if email.lower() == reader.email else "their"
    shown = [
        replace(each, rows=tuple(rows)) if each.name == group else each
        for each in reach.groups(email, now(), whose=whose, locked=False)
    ]
    message = next(row.error for row in rows if row.error)
    return reached.page(request, reader, email, form=group, errors={"rules": message}, groups=shown)


def require_known(group: str) -> None:
    try:
        reach.group_of(group)
    except KeyError:
        raise NotFound("kind of rules", group) from None


def rule_of(info: RuleInfo) -> Rule:
    return Rule(info.urgency, timedelta(seconds=info.after_s), info.via, info.occasion)


def name_of(info: RuleInfo) -> str:
    return group_name(info.urgency, info.occasion)
