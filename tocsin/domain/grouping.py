"""Which alerts belong to one incident. The answer is a key; alerts of one service with equal keys share an
incident.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tocsin.domain.signal import Signal

_LONGEST: Final = 1000  # the column holds 1024
ALL_LABELS: Final = "..."  # as in Alertmanager: group by every label, which is no grouping at all
WHOLE_SERVICE: Final = "*"  # everything of the service is one group, as long as the route's limits let it


@dataclass(frozen=True)
class Group:
    key: str
    reason: str


def group_of(
    signal: Signal,
    *,
    integration: str,
    group_by: tuple[str, ...],
    labels: Mapping[str, str],
    dedup_key: str = "",
) -> Group:
    """By the route's labels where it names any; else the tool's own group; else each dedup key for itself.

    Only groups by label join alerts of several integrations. `labels` is what the route saw: the alert's
    labels and the facts about it. `dedup_key` "" : the signal's own.
    """
    if WHOLE_SERVICE in group_by:
        return Group("service:", "grouped by service: everything of it is one group")
    if ALL_LABELS in group_by:
        group_by = tuple(sorted(signal.labels))
    if group_by:
        values = [[name, labels.get(name, "")] for name in group_by]
        shown = ", ".join(f"{name}={value or '(absent)'}" for name, value in values)
        return Group(_key("labels", json.dumps(values)), f"grouped by {shown[:300]}")
    if signal.group_key:
        return Group(
            _key("group", integration, signal.group_key),
            f"{integration} grouped it itself: {signal.group_key[:300]}",
        )
    return Group(
        _key("key", integration, dedup_key or signal.dedup_key),
        "no grouping is set: each dedup key is an incident of its own",
    )


def _key(kind: str, *parts: str) -> str:
    text = f"{kind}:" + ":".join(parts)
    if len(text.encode()) <= _LONGEST:
        return text
    return f"{text[:200]}#{hashlib.sha256(text.encode()).hexdigest()}"
