"""What alerts in Prometheus's form mean here, whichever way they came."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tocsin.adapters.alertmanager.settings import Settings
from tocsin.domain import shape
from tocsin.domain.signal import Beat, EventAction, Signal

_LONGEST_NAME: Final = 200
# It fires to inhibit others, and would page for every namespace that has an `info` alert.
_INHIBITOR: Final = "InfoInhibitor"


def severity_of(labels: Mapping[str, str]) -> str | None:
    return "none" if labels.get("alertname") == _INHIBITOR else labels.get("severity")


def heartbeat_name(labels: Mapping[str, str], *otherwise: str) -> str:
    """One for each cluster; where no label names it, the first of `otherwise` that is something."""
    where = (
        next(filter(None, (labels.get("cluster"), *otherwise)), "") or labels.get("prometheus") or "default"
    )
    return shape.clean(f"{labels.get('alertname', '')}/{where}", _LONGEST_NAME)


def as_heartbeat(signal: Signal, name: str, settings: Settings) -> Signal:
    """A sign of life. That it "resolved" says that whoever should send it has been lost."""
    lost = signal.action is EventAction.RESOLVE
    where = name.partition("/")[2]
    kind = "Cluster" if signal.labels.get("cluster") else "Monitoring at"
    return replace(
        signal,
        action=EventAction.HEARTBEAT,
        dedup_key=name,
        summary=shape.clean(f"{kind} {where} is silent", 1024),
        severity="critical",
        # Its own says `none`, so that nobody is paged while it fires.
        labels={name: value for name, value in signal.labels.items() if name != "severity"},
        beat=Beat.FAIL if lost else Beat.PING,
        every=settings.heartbeat_every,
        started_at=None,
        ended_at=None,
        expires_at=None,
    )
