"""Template tags of policies: what a rung asks, in a few words."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

from django import template

from tocsin.domain.escalation.model import AckMode, During, OnEmpty, Step, Strategy
from tocsin.entrypoints.web.templatetags.tocsin import words

register = template.Library()

_DURING = {
    During.SUPPORT: "in support hours",
    During.OUTSIDE_SUPPORT: "outside support hours",
    During.LOCAL: "in their own working hours",
    During.OUTSIDE_LOCAL: "outside their own working hours",
}


@register.filter
def during(value: str) -> str:
    return _DURING[During(value)] if value else ""


@register.filter
def host(url: str) -> str:
    """Of a webhook: its path may hold a key."""
    return urlsplit(url).hostname or url


@register.filter
def later(offset: timedelta) -> str:
    """`+5 min` after the beginning."""
    return f"+{words(offset)}" if offset else "at once"


@register.filter
def labels(step: Step) -> list[tuple[str, str]]:
    """(icon, words) of all that sets this rung apart from a plain one."""
    found: list[tuple[str, str]] = []
    when = step.when
    if when.severities:
        found.append(("gauge", f"only {', '.join(when.severities)}"))
    if when.urgency:
        found.append(("zap", f"only {when.urgency} urgency"))
    if when.during:
        found.append(("clock", f"only {_DURING[when.during]}"))
    if step.strategy is Strategy.ROUND_ROBIN:
        found.append(("rotate-cw", "one of them, in turn"))
    if step.ack is AckMode.EACH:
        found.append(("check-check", "each must answer"))
    if step.on_empty is OnEmpty.WAIT:
        found.append(("hourglass", "waits even if nobody is there"))
    return found


@register.filter
def basekind(kind: str) -> str:
    """`team` of `team:lead`: which names there are to choose from."""
    return kind.partition(":")[0]


_HINTS = {
    "schedule": "which schedule",
    "team": "which team",
    "user": "name or e-mail",
    "chat": "#room",
    "webhook": "https://…",
    "runbook": "which runbook",
}


@register.filter
def namehint(kind: str) -> str:
    return _HINTS.get(basekind(kind), "")


@register.filter
def addnumber(text: str, number: int) -> str:
    return f"{text}{number}"


@register.filter
def place(path: str) -> str:
    """`Step 3, target 2` for the path of a wrong field."""
    step, row = re.match(r"steps\[(\d+)\]", path), re.search(r"(?:notify|final)\[(\d+)\]", path)
    words = [f"Step {int(step[1]) + 1}"] if step else ["Last call"] if path.startswith("final") else []
    if row:
        words.append(f"target {int(row[1]) + 1}")
    elif step and path.endswith(".wait"):
        words.append("wait")
    return ", ".join(words) or path.capitalize()
