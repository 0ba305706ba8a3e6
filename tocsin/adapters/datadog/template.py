"""The body that our webhook in Datadog sends, and what other templates call the same things.

A webhook's body is whatever its author wrote, with Datadog's variables in it
(docs.datadoghq.com/integrations/webhooks); a variable that does not apply is left empty.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from tocsin.domain import loose

SCHEMA: Final = "datadog/1"

# Ours: field → variable.
TEMPLATE: Final[Mapping[str, str]] = {
    "schema": SCHEMA,
    "dedup_key": "$AGGREG_KEY",
    "cycle_key": "$ALERT_CYCLE_KEY",
    "transition": "$ALERT_TRANSITION",
    "alert_type": "$ALERT_TYPE",
    "priority": "$ALERT_PRIORITY",
    "monitor_id": "$ALERT_ID",
    "event_type": "$EVENT_TYPE",
    "title": "$EVENT_TITLE",
    "message": "$TEXT_ONLY_MSG",
    "query": "$ALERT_QUERY",
    "metric": "$ALERT_METRIC",
    "scope": "$ALERT_SCOPE",
    "status": "$ALERT_STATUS",
    "hostname": "$HOSTNAME",
    "tags": "$TAGS",
    "service": "$TAGS[service]",
    "env": "$TAGS[env]",
    "version": "$TAGS[version]",
    "team": "$TAGS[team]",
    "date_ms": "$DATE",
    "link": "$LINK",
    "snapshot": "$SNAPSHOT",
    "logs_sample": "$LOGS_SAMPLE",
    "synthetics_test": "$SYNTHETICS_TEST_NAME",
    "synthetics_step": "$SYNTHETICS_FIRST_FAILING_STEP_NAME",
    "synthetics_summary": "$SYNTHETICS_SUMMARY",
    "security_rule": "$SECURITY_RULE_NAME",
    "security_signal_id": "$SECURITY_SIGNAL_ID",
    "security_severity": "$SECURITY_SIGNAL_SEVERITY",
    "incident_id": "$INCIDENT_PUBLIC_ID",
    "incident_title": "$INCIDENT_TITLE",
    "incident_severity": "$INCIDENT_SEVERITY",
    "incident_status": "$INCIDENT_STATUS",
    "incident_url": "$INCIDENT_URL",
    "org_id": "$ORG_ID",
    "org_name": "$ORG_NAME",
    "event_id": "$ID",
}

# What others' templates call them, the vendor's default body and Keep's first.
_ALSO: Final[Mapping[str, tuple[str, ...]]] = {
    "dedup_key": ("aggreg_key", "aggregation_key"),
    "cycle_key": ("alert_cycle_key",),
    "transition": ("alert_transition",),
    "priority": ("alert_priority", "severity"),
    "monitor_id": ("alert_id",),
    "title": ("event_title", "alert_title", "alert_name"),
    "message": ("body", "text_only_msg", "event_msg", "event_message", "msg", "text"),
    "query": ("alert_query",),
    "metric": ("alert_metric",),
    "scope": ("scopes", "alert_scope"),
    "status": ("alert_status",),
    "hostname": ("host",),
    "date_ms": ("date", "last_updated"),
    "link": ("url", "event_url"),
    "event_id": ("id",),
}

_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    name: (
        variable.lstrip("$").lower(),
        *_ALSO.get(name, ()),
    )
    for name, variable in TEMPLATE.items()
    if variable.startswith("$")
}


def text() -> str:
    """To paste into Datadog."""
    return json.dumps(TEMPLATE, indent=2)


def fields(given: Mapping[str, Any]) -> dict[str, str]:
    """A body in the words of our template; what was not filled in is absent."""
    lower = {str(name).lower(): value for name, value in given.items()}
    found: dict[str, str] = {}
    for name, others in _VARIABLES.items():
        for each in (name, *others):
            said = _said(lower.get(each))
            if said:
                found[name] = said
                break
    for name in ("id", "name"):
        said = _said(loose.part(lower.get("org"), name))
        if said:
            found.setdefault(f"org_{name}", said)
    return found


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(filter(None, map(_said, value)))
    said = loose.text_of(value)
    if said.startswith("$") and said[1:2].isalpha():
        return ""  # a variable that this Datadog does not know is sent as it stands
    return "" if said in {"null", "None", "n/a"} else said
