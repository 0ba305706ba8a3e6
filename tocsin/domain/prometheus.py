"""Label sets as Prometheus, Alertmanager and Grafana have them."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from tocsin.domain import shape
from tocsin.domain.signal import Link

_OFFSET: Final = 0xCBF29CE484222325
_PRIME: Final = 0x100000001B3
_ROUND: Final = 0xFFFFFFFFFFFFFFFF
_LINKS: Final = {"runbook_url": "Runbook", "dashboard_url": "Dashboard", "runbook": "Runbook"}
_WORDS: Final = ("summary", "title", "message", "description")


def fingerprint(labels: Mapping[str, str]) -> str:
    """The 16 digits by which Alertmanager knows an alert: FNV-1a over its sorted labels (prometheus/common,
    `LabelSet.Fingerprint`). Empty labels are no labels and must be gone already.
    """
    parts: list[bytes] = []
    for name in sorted(labels):
        parts += (name.encode(), labels[name].encode())
    state, prime, rounded = _OFFSET, _PRIME, _ROUND
    for byte in b"\xff".join(parts) + b"\xff":
        state = ((state ^ byte) * prime) & rounded
    return f"{state:016x}"


def summary_of(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    for name in _WORDS:
        if annotations.get(name):
            return shape.clean(annotations[name].strip(), 1024)
    name = labels.get("alertname", "Alert")
    where = labels.get("instance") or labels.get("job") or labels.get("namespace")
    return shape.clean(f"{name} on {where}" if where else name, 1024)


def links_of(annotations: Mapping[str, str], *more: tuple[str | None, str]) -> tuple[Link, ...]:
    """Those annotations that are addresses, then `more` (address, text); what is no address is left out."""
    found = [(annotations.get(name), text) for name, text in _LINKS.items()]
    seen: dict[str, str] = {}
    for href, text in (*found, *more):
        if href and href.startswith(("http://", "https://")):
            seen.setdefault(shape.clean(href, 2048), text)
    return tuple(Link(href, text) for href, text in seen.items())


def host_of(url: str | None) -> str:
    """The host in an address, "" for none."""
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""
