"""What a topic's message says: an alarm, a composite alarm, an event of EventBridge, or just words."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from tocsin.domain import loose, shape
from tocsin.domain.loose import part, text_at
from tocsin.domain.signal import EventAction, Link, Signal

_STATES: Final = {"ALARM": EventAction.TRIGGER, "OK": EventAction.RESOLVE}
_NO_DATA: Final = "INSUFFICIENT_DATA"
_STATE_CHANGE: Final = "CloudWatch Alarm State Change"
_NAMES: Final = re.compile(r"[^\w.:/-]+")
_SEVERITY: Final = re.compile(
    r"\b(?:severity|prio(?:rity)?)\s*[:=]\s*(?P<word>SEV[1-4]|critical|error|warning|info)\b", re.IGNORECASE
)
_RUNBOOK: Final = re.compile(r"https?://[^\s<>\"']*(?:runbook|playbook)[^\s<>\"']*", re.IGNORECASE)


def is_known(message: Mapping[str, Any]) -> bool:
    return bool(text_at(message, "NewStateValue")) or ("detail-type" in message and "source" in message)


def read(message: dict[str, Any], subject: str, topic: str) -> Signal:
    if text_at(message, "NewStateValue"):
        return _alarm(message, topic)
    if text_at(message, "detail-type") == _STATE_CHANGE:
        return _alarm(_as_alarm(message), topic, message)
    if "detail-type" in message and "source" in message:
        return _event(message, topic)
    return _words(message, subject, topic)


def _alarm(message: dict[str, Any], topic: str, whole: dict[str, Any] | None = None) -> Signal:
    state = text_at(message, "NewStateValue").upper()
    action = _STATES.get(state, EventAction.TRIGGER)
    name, arn = text_at(message, "AlarmName"), text_at(message, "AlarmArn")
    region = _region(arn) or text_at(message, "Region")
    trigger = part(message, "Trigger")
    description = text_at(message, "AlarmDescription")
    labels: dict[str, shape.Scalar] = {
        **_dimensions(trigger),
        "alarm": name,
        "account": text_at(message, "AWSAccountId"),
        "region": region,
        "namespace": text_at(trigger, "Namespace"),
        "metric": text_at(trigger, "MetricName"),
        "topic": topic.rpartition(":")[2],
        "alert_kind": _kind(message, state),
    }
    at = shape.time_of(text_at(message, "StateChangeTime"))
    said = _SEVERITY.search(description)
    runbook = _RUNBOOK.search(description)
    severity = "warning" if state == _NO_DATA else said["word"] if said else None
    return Signal(
        action=action,
        dedup_key=_key(arn or f"{text_at(message, 'AWSAccountId')}:{region}:{name}"),
        summary=shape.clean(f"No data: {name}" if state == _NO_DATA else name or "CloudWatch alarm", 1024),
        severity=severity,
        source=shape.clean(text_at(trigger, "Namespace") or "CloudWatch", 512),
        labels=shape.labels_of(labels),
        annotations=shape.labels_of(
            {
                "description": description or text_at(message, "NewStateReason"),
                "reason": text_at(message, "NewStateReason"),
                "before": text_at(message, "OldStateValue"),
                "rule": text_at(message, "AlarmRule"),
                "runbook_url": runbook[0] if runbook else "",
                **_threshold(trigger),
            }
        ),
        links=_console(arn, region, name),
        started_at=at if action is EventAction.TRIGGER else None,
        ended_at=at if action is EventAction.RESOLVE else None,
        details=whole or message,
    )


def _as_alarm(event: dict[str, Any]) -> dict[str, Any]:
    """EventBridge's words for a change of an alarm's state, in those that SNS gets."""
    detail = part(event, "detail")
    resources = event.get("resources")
    arn = loose.text_of(resources[0]) if isinstance(resources, list) and resources else ""
    metrics = part(detail, "configuration", "metrics")
    metric = part(metrics[0], "metricStat", "metric") if isinstance(metrics, list) and metrics else None
    dimensions = part(metric, "dimensions")
    return {
        "AlarmName": text_at(detail, "alarmName"),
        "AlarmArn": arn,
        "AlarmDescription": text_at(detail, "configuration", "description"),
        "AlarmRule": text_at(detail, "configuration", "alarmRule"),
        "AWSAccountId": text_at(event, "account"),
        "Region": text_at(event, "region"),
        "NewStateValue": text_at(detail, "state", "value"),
        "NewStateReason": text_at(detail, "state", "reason"),
        "OldStateValue": text_at(detail, "previousState", "value"),
        "StateChangeTime": text_at(detail, "state", "timestamp") or text_at(event, "time"),
        "Trigger": {
            "Namespace": text_at(metric, "namespace"),
            "MetricName": text_at(metric, "name"),
            "Dimensions": [{"name": name, "value": value} for name, value in dimensions.items()]
            if isinstance(dimensions, dict)
            else [],
        },
    }


def _event(message: dict[str, Any], topic: str) -> Signal:
    """Any other event: it tells of something that happened, and nothing tells that it is over."""
    resources = [text for each in _list(message.get("resources")) if (text := loose.text_of(each))]
    name, source = text_at(message, "detail-type"), text_at(message, "source")
    about = resources[0] if resources else ""
    key = ":".join(filter(None, (source, name, about or text_at(message, "id"))))
    return Signal(
        action=EventAction.TRIGGER,
        dedup_key=_key(key),
        summary=shape.clean(f"{name}: {about}" if about else name or "EventBridge event", 1024),
        source=shape.clean(source, 512),
        labels=shape.labels_of(
            {
                "detail_type": name,
                "aws_source": source,
                "account": text_at(message, "account"),
                "region": text_at(message, "region"),
                "resource": about,
                "topic": topic.rpartition(":")[2],
                "alert_kind": "event",
            }
        ),
        started_at=shape.time_of(text_at(message, "time")),
        details=message,
    )


def _words(message: dict[str, Any], subject: str, topic: str) -> Signal:
    text = text_at(message, "text") or str(message)[:2000]
    summary = subject or (text.splitlines() or [""])[0] or "SNS message"
    return Signal(
        action=EventAction.TRIGGER,
        dedup_key=_key(f"{topic}:{summary}"),
        summary=shape.clean(summary, 1024),
        source=shape.clean(topic or "SNS", 512),
        labels=shape.labels_of({"topic": topic.rpartition(":")[2], "alert_kind": "message"}),
        annotations=shape.labels_of({"description": text}),
        details=message,
    )


def _kind(message: Mapping[str, Any], state: str) -> str:
    if state == _NO_DATA:
        return "no_data"
    return "composite" if text_at(message, "AlarmRule") else "metric"


def _dimensions(trigger: Any) -> dict[str, shape.Scalar]:
    """As labels; both spellings are about."""
    found: dict[str, shape.Scalar] = {}
    for each in _list(part(trigger, "Dimensions")):
        name = text_at(each, "name") or text_at(each, "Name")
        value = text_at(each, "value") or text_at(each, "Value")
        if name and value:
            found[_NAMES.sub("_", name)] = value
    return found


def _threshold(trigger: Any) -> dict[str, shape.Scalar]:
    operator, threshold = text_at(trigger, "ComparisonOperator"), text_at(trigger, "Threshold")
    return {
        "threshold": f"{operator} {threshold}".strip(),
        "statistic": text_at(trigger, "Statistic") or text_at(trigger, "ExtendedStatistic"),
        "period_s": text_at(trigger, "Period"),
    }


def _region(arn: str) -> str:
    """Of arn:aws:cloudwatch:REGION:…; SNS's `Region` is a display name such as “EU (Frankfurt)”."""
    words = arn.split(":")
    return words[3] if len(words) > 3 and words[0] == "arn" else ""  # noqa: PLR2004 - the fourth word


def _console(arn: str, region: str, name: str) -> tuple[Link, ...]:
    if not (_region(arn) and name and re.fullmatch(r"[a-z0-9-]{1,30}", region)):
        return ()
    host = {
        "aws-cn": "console.amazonaws.cn",
        "aws-us-gov": "console.amazonaws-us-gov.com",
    }.get(arn.split(":")[1], f"{region}.console.aws.amazon.com")
    page = f"https://{host}/cloudwatch/home?region={region}#alarmsV2:alarm/{quote(name, safe='')}"
    return (Link(shape.clean(page, 2048), "Alarm in CloudWatch"),)


def _key(text: str) -> str:
    if len(text) > shape.MAX_DEDUP_KEY:
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return text.replace("\0", "").strip() or "cloudwatch"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
