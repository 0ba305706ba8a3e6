"""Template tags: icons, severities, statuses, times. They return escaped markup and decide nothing."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import zip_longest
from pathlib import Path

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from tocsin.domain.lifecycle import Status, shown_as
from tocsin.entrypoints.web.faces import hue, initials
from tocsin.lib.clock import now

register = template.Library()

_ICONS = Path(__file__).parent.parent / "static" / "icons.svg"
_SYMBOL = re.compile(r'<symbol id="([\w-]+)"[^>]*>(.*?)</symbol>')


@cache
def _icons() -> dict[str, str]:
    return dict(_SYMBOL.findall(_ICONS.read_text(encoding="utf-8")))


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """One symbol of static/icons.svg, inlined: no request, and it takes the colour of its text."""
    body = mark_safe(_icons()[name])  # noqa: S308  (our own file)
    return format_html(
        '<svg class="icon {}" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{}</svg>', extra, body
    )


@cache
def _severity_glyph(rank: int) -> str:
    if rank == 1:
        return (
            '<rect class="on" x="2" y="2" width="20" height="20" rx="5"/>'
            '<path class="bang" d="M12 7v6M12 17h.01"/>'
        )
    lit = 5 - rank  # SEV2 lights three bars, SEV3 two, SEV4 one
    heights = ((3, 15, 6), (10, 10, 11), (17, 4, 17))
    return "".join(
        f'<rect class="{"on" if number <= lit else "off"}" x="{x}" y="{y}"'
        f' width="4.5" height="{high}" rx="1.2"/>'
        for number, (x, y, high) in enumerate(heights, 1)
    )


@register.simple_tag
def severity(value: str, description: str = "") -> SafeString:
    name = str(value)
    rank = int(name[3]) if re.fullmatch(r"SEV[1-4]", name) else 4
    glyph = mark_safe(_severity_glyph(rank))  # noqa: S308  (drawn above)
    return format_html(
        '<span class="sev sev-{}"{}><svg viewBox="0 0 24 24" aria-hidden="true">{}</svg>{}</span>',
        rank,
        format_html(' title="{}"', description) if description else "",
        glyph,
        name,
    )


_STATUS_ICON = {
    "triggered": "bell-ring",
    "acknowledged": "circle-dot",
    "triage": "circle-help",
    "identified": "search",
    "monitoring": "activity",
    "resolved": "circle-check",
    "closed": "lock",
    "declined": "circle-slash",
    "canceled": "circle-slash",
    "merged": "git-branch",
    "snoozed": "clock",
}


def state_of(status: str, acknowledged: object, snoozed_until: datetime | None = None) -> str:
    snoozed = snoozed_until is not None and snoozed_until > now()
    return shown_as(Status(status), acknowledged=bool(acknowledged), snoozed=snoozed)


@register.simple_tag
def status(value: str, acknowledged: object = None, snoozed_until: datetime | None = None) -> SafeString:
    return _pill(state_of(str(value), acknowledged, snoozed_until))


def _pill(state: str) -> SafeString:
    return format_html(
        '<span class="pill pill-{}" data-pill>{}{}</span>',
        state,
        icon(_STATUS_ICON[state]),
        state.capitalize(),
    )


@register.simple_tag
def status_templates() -> SafeString:
    """Every status as it is drawn, for pages that hear of a new one before they fetch the rest."""
    drawn = ((state, _pill(state)) for state in _STATUS_ICON)
    return format_html_join("", '<template data-state="{}">{}</template>', drawn)


def words(span: timedelta) -> str:
    """A length of time in its two largest units: `2 h 5 min`."""
    seconds = int(abs(span.total_seconds()))
    units = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    parts: list[str] = []
    for size, unit in units:
        count, seconds = divmod(seconds, size)
        if count and not (unit == "s" and parts):
            parts.append(f"{count} {unit}")
        if len(parts) == 2:  # noqa: PLR2004  (two units say enough)
            break
    return " ".join(parts) or "0 s"


@register.filter
def duration(value: timedelta | None) -> str:
    return "" if value is None else words(value)


@register.filter
def seconds(value: int) -> str:
    return words(timedelta(seconds=value))


def relative(moment: datetime, at: datetime) -> str:
    gone = at - moment
    if abs(gone) < timedelta(seconds=10):
        return "now"
    one_unit = words(gone).split(" ")
    text = " ".join(one_unit[:2])
    return f"{text} ago" if gone > timedelta(0) else f"in {text}"


def _time(moment: datetime | None, style: str, text: str) -> SafeString:
    if moment is None:
        return format_html('<span class="none">{}</span>', "–")
    utc = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC" data-when="{}">{}</time>',
        utc.isoformat(timespec="seconds").replace("+00:00", "Z"),
        utc.strftime("%Y-%m-%d %H:%M:%S"),
        style,
        text,
    )


def _local(moment: datetime) -> datetime:
    return timezone.localtime(moment)


@register.filter
def ago(moment: datetime | None) -> SafeString:
    """`5 min ago`, `in 2 h`; kept up to date by time.js."""
    return _time(moment, "relative", relative(moment, now()) if moment else "")


@register.filter
def clock(moment: datetime | None) -> SafeString:
    """`14:05:09` in the reader's zone, for a list whose day is known."""
    return _time(moment, "clock", f"{_local(moment):%H:%M:%S}" if moment else "")


@register.filter
def moment(value: datetime | None) -> SafeString:
    """`Mon 23 Nov, 14:05` in the reader's zone."""
    return _time(
        value, "moment", f"{_local(value):%a} {_local(value).day} {_local(value):%b, %H:%M}" if value else ""
    )


@register.filter
def day(value: datetime | None) -> SafeString:
    return _time(
        value, "day", f"{_local(value):%a} {_local(value).day} {_local(value):%b %Y}" if value else ""
    )


register.filter(hue)
register.filter(initials)


@register.inclusion_tag("parts/person.html")
def person(email: str | None, name: str = "", size: str = "") -> dict[str, object]:
    return {"email": email, "name": name or (email or ""), "size": size}


_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*")


@register.filter
def named(text: str, names: Mapping[str, str]) -> str:
    """The same words with people's names in place of their addresses."""
    return _EMAIL.sub(lambda found: names.get(found[0].lower(), found[0]), text)


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@register.filter
def timed(text: str) -> SafeString:
    """The same words with every instant in the reader's zone."""
    times = [clock(datetime.fromisoformat(found)) for found in _INSTANT.findall(text)]
    return format_html_join("", "{}{}", zip_longest(_INSTANT.split(text), times, fillvalue=""))


@register.filter
def get(mapping: dict[str, object], key: str) -> object:
    """A value by a key that is itself a variable."""
    return mapping.get(key)


# kind of entry → (icon, tone); what is not here is a plain dot
_MARKS = {
    "route": ("git-branch", ""),
    "urgency": ("zap", ""),
    "group": ("layers", ""),
    "incident": ("siren", "bad"),
    "opened": ("siren", "bad"),
    "declared": ("megaphone", "bad"),
    "reopened": ("undo-2", "bad"),
    "joined": ("bell-plus", ""),
    "alert_attached": ("bell-plus", ""),
    "alert_ended": ("circle-check", "good"),
    "unacknowledged": ("bell-ring", "bad"),
    "notification_failed": ("circle-alert", "bad"),
    "help_asked": ("life-buoy", "info"),
    "help_accepted": ("hand", "warn"),
    "help_declined": ("circle-x", "bad"),
    "declined": ("circle-x", "bad"),
    "update": ("megaphone", "info"),
    "edited": ("pencil", ""),
    "unsnoozed": ("bell-ring", "warn"),
    "merged": ("git-branch", ""),
    "split": ("git-branch", ""),
    "undeliverable": ("bell-off", "bad"),
    "passed": ("arrow-right", ""),
    "again": ("repeat", ""),
    "alert_resolved": ("circle-check", "good"),
    "severity_changed": ("gauge", "warn"),
    "status_changed": ("activity", "info"),
    "acknowledged": ("check", "warn"),
    "responding": ("hand", "warn"),
    "seen": ("eye", ""),
    "resolved": ("check-check", "good"),
    "closed": ("lock", "good"),
    "mitigated": ("shield", "good"),
    "called": ("phone-call", "info"),
    "sent": ("send", "info"),
    "delivered": ("send", "info"),
    "failed": ("circle-alert", "bad"),
    "skipped": ("ban", ""),
    "nobody": ("bell-off", "bad"),
    "breach": ("hourglass", "bad"),
    "exhausted": ("triangle-alert", "bad"),
    "escalated": ("arrow-up", "warn"),
    "handed_over": ("hand", "warn"),
    "reassigned": ("user-plus", ""),
    "help": ("life-buoy", "info"),
    "note": ("message-square", ""),
    "woken": ("bell-ring", "warn"),
    "severity": ("gauge", "warn"),
    "status": ("activity", "info"),
    "alert": ("radar", ""),
    "restarted": ("rotate-cw", "warn"),
    "resumed": ("play", ""),
    "cancelled": ("circle-x", ""),
    "nudge": ("message-circle", ""),
    "snoozed": ("clock", ""),
}


@register.simple_tag
def mark(kind: str) -> SafeString:
    name, tone = _MARKS.get(kind, ("circle", ""))
    return format_html('<span class="mark {}">{}</span>', tone, icon(name))


_RECEIPTS = {
    "planned": ("clock", ""),
    "claimed": ("send", ""),
    "sent": ("check", "good"),
    "delivered": ("check-check", "good"),
    "read": ("eye", "good"),
    "merged": ("layers", ""),
    "bundled": ("layers", ""),
    "failed": ("circle-x", "bad"),
    "cancelled": ("ban", ""),
    "suppressed": ("bell-off", "warn"),
}


@register.simple_tag
def receipt(state: str) -> SafeString:
    name, tone = _RECEIPTS.get(str(state), ("circle", ""))
    return format_html('<span class="row {}">{}{}</span>', tone, icon(name), str(state))


_VIA = {
    "email": "mail",
    "webhook": "webhook",
    "console": "terminal",
    "sms": "smartphone",
    "voice": "phone-call",
    "push": "bell-ring",
    "ntfy": "bell",
    "slack": "message-square",
    "mattermost": "message-square",
    "teams": "users",
    "telegram": "send",
    "apprise": "network",
}


@register.simple_tag
def via(kind: str) -> SafeString:
    return icon(_VIA.get(str(kind), "message-circle"))


@register.inclusion_tag("parts/meter.html")
def meter(share: int) -> dict[str, object]:
    """A bar of 0–100 with its number beside it."""
    share = min(max(int(share), 0), 100)
    tone = "low" if share < 40 else "mid" if share < 80 else ""  # noqa: PLR2004  (where the colour turns)
    return {"share": share, "tone": tone}


@register.inclusion_tag("parts/target.html")
def target(value: object, names: Mapping[str, str] | None = None) -> dict[str, object]:
    return {"target": value, "names": names or {}}
