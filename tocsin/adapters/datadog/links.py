"""Where to look in Datadog, from what a message says: its own links by name, and searches of its service."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from tocsin.domain import shape
from tocsin.domain.signal import Image, Link

_MOST: Final = 12
_URL: Final = re.compile(r"https://[^\s<>()\[\]\"'`|\\]{1,2000}")
_AROUND: Final = timedelta(minutes=15)
_HOSTS: Final = re.compile(r"(^|\.)(datadoghq\.(com|eu)|ddog-gov\.com|datad0g\.com)$")
_RUNBOOK: Final = re.compile(r"runbook|playbook", re.IGNORECASE)

# By the beginning of the path; the first that fits.
_PAGES: Final = (
    ("/apm/trace/", "Trace"),
    ("/apm/traces", "Traces"),
    ("/apm/error-tracking", "Error Tracking"),
    ("/error-tracking", "Error Tracking"),
    ("/apm/", "APM"),
    ("/logs", "Logs"),
    ("/dashboard", "Dashboard"),
    ("/dash/", "Dashboard"),
    ("/notebook", "Notebook"),
    ("/monitors", "Monitor"),
    ("/event/", "Event"),
    ("/synthetics", "Synthetic test"),
    ("/watchdog", "Watchdog"),
    ("/rum", "RUM"),
    ("/security", "Security signal"),
    ("/incidents", "Datadog incident"),
    ("/infrastructure", "Infrastructure"),
    ("/process", "Processes"),
)


def of(
    said: Mapping[str, str], message: str, labels: Mapping[str, str], at: datetime | None
) -> tuple[Link, ...]:
    found: dict[str, str] = {}
    base = ""
    for name in ("link", "incident_url"):
        href = said.get(name, "")
        if _is_web(href):
            found[href] = _name(href) or "Datadog"
            base = base or _base(href)
    for href in _URL.findall(message):
        clean = href.rstrip(".,;:!?*_")
        name = _name(clean) or ("Runbook" if _RUNBOOK.search(clean) else "")
        if name and clean not in found:
            found[clean] = name
            base = base or _base(clean)
    if base:
        for href, name in _searches(base, said.get("monitor_id", ""), labels, at):
            if name not in found.values():
                found[href] = name
    return tuple(Link(shape.clean(href, 2048), name) for href, name in list(found.items())[:_MOST])


def image(said: Mapping[str, str]) -> tuple[Image, ...]:
    """The graph of that moment."""
    src = said.get("snapshot", "")
    if not src.startswith("https://"):
        return ()
    href = said.get("link", "")
    href = shape.clean(href, 2048) if _is_web(href) else ""
    return (Image(shape.clean(src, 2048), href, "The monitor's graph at that moment"),)


def runbook(message: str) -> str:
    """The first link in the message that calls itself one."""
    hrefs = (href.rstrip(".,;:!?*_") for href in _URL.findall(message))
    return next((shape.clean(href, 2048) for href in hrefs if _RUNBOOK.search(href)), "")


def _searches(
    base: str, monitor: str, labels: Mapping[str, str], at: datetime | None
) -> list[tuple[str, str]]:
    found = []
    if monitor.isdigit():
        found.append((f"{base}/monitors/{monitor}", "Monitor"))
    service = labels.get("service", "")
    if not service:
        return found
    asked = " ".join(f"{name}:{labels[name]}" for name in ("service", "env") if labels.get(name))
    around = {}
    if at is not None:
        start, end = (int(moment.timestamp() * 1000) for moment in (at - _AROUND, at + _AROUND))
        around = {"from_ts": start, "to_ts": end}
    where = f"?{urlencode({'env': labels['env']})}" if labels.get("env") else ""
    found.append((f"{base}/apm/services/{quote(service, safe='')}{where}", "APM"))
    found.append((f"{base}/apm/traces?{_query(asked, around, 'start', 'end')}", "Traces"))
    found.append((f"{base}/logs?{_query(asked, around, 'from_ts', 'to_ts')}", "Logs"))
    return found


def _query(asked: str, around: Mapping[str, int], start: str, end: str) -> str:
    words: dict[str, object] = {"query": asked}
    if around:
        words |= {start: around["from_ts"], end: around["to_ts"]}
    return urlencode(words)


def _is_web(href: str) -> bool:
    return href.startswith(("https://", "http://"))


def _name(href: str) -> str:
    """ "" for what is not Datadog's."""
    try:
        parts = urlsplit(href)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if not _HOSTS.search(host):
        return ""
    return next((name for start, name in _PAGES if parts.path.startswith(start)), "Datadog")


def _base(href: str) -> str:
    if not _name(href):
        return ""
    parts = urlsplit(href)
    return f"https://{parts.hostname}"
