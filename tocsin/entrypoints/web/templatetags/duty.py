"""Template tags of the pages about being on call."""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tocsin.entrypoints.web.templatetags.tocsin import icon, moment
from tocsin.lib.clock import now

register = template.Library()


@register.filter
def field_time(value: datetime | None) -> str:
    """As a `datetime-local` field wants it, in the reader's zone."""
    return "" if value is None else f"{timezone.localtime(value):%Y-%m-%dT%H:%M}"


@register.filter
def hours(value: timedelta | int | None, digits: int = 2) -> str:
    """`37.5 h`, with at most so many digits behind the point; a whole number counts minutes."""
    if value is None:
        return ""
    minutes = value // timedelta(minutes=1) if isinstance(value, timedelta) else value
    amount = (Decimal(minutes) / 60).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    # Thin spaces between thousands, a true minus, and no digits that say nothing.
    text = f"{amount:,f}".replace(",", "\u202f").replace("-", "−")
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} h"


@register.simple_tag
def span(start: datetime, end: datetime) -> SafeString:
    return format_html('<span class="span">{} – {}</span>', moment(start), moment(end))


_SWAP = {
    "open": ("megaphone", "info", "Open"),
    "offered": ("hourglass", "warn", "Waiting for a yes"),
    "taken": ("check-check", "good", "Taken"),
    "cancelled": ("ban", "", "Cancelled"),
    "expired": ("clock", "bad", "Nobody took it"),
}


@register.simple_tag
def swap_state(state: str) -> SafeString:
    name, tone, word = _SWAP[str(state)]
    return format_html('<span class="pill {}">{}{}</span>', tone, icon(name), word)


_DEEDS = {
    "requested": "asked for it",
    "taken": "took it",
    "offered": "offered to take it",
    "accepted": "accepted",
    "approved": "approved it",
    "declined": "declined",
    "withdrawn": "took it back",
    "cancelled": "cancelled it",
    "expired": "let it end: nobody took it in time",
}


@register.filter
def swap_deed(action: str) -> str:
    """What an entry of the audit log says, in words."""
    word = action.rpartition(".")[2]
    return _DEEDS.get(word, word)


@register.filter
def webcal(url: str) -> str:
    """The same address for a calendar program to open."""
    return "webcal://" + url.partition("://")[2]


@register.filter
def is_past(moment_: datetime) -> bool:
    return moment_ <= now()
