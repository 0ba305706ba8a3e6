"""CloudWatch alarms by way of Amazon SNS, raw or in SNS's envelope, and what else a topic carries."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import msgspec

from tocsin.adapters.cloudwatch import alarms, sns
from tocsin.domain import loose, shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.loose import text_at
from tocsin.domain.signal import EventAction, Signal
from tocsin.ports.source import Ask, ConfigField, Envelope, Fetch, RefusedError, Snippet

_MODES: Final = ("checked", "required", "off")


class CloudWatchSource:
    """`signature`: "checked" (what is signed must be signed well; when Amazon's certificate stays out of
    reach the key in the address is proof enough), "required" (and raw messages, which bear none, are
    refused) or "off". `topic_arns`: the only topics that may speak; empty: all that know the key.
    """

    kind = "cloudwatch"
    title = "Amazon CloudWatch (SNS)"
    snippets: Sequence[Snippet] = (
        Snippet(
            "Subscribe to the topic; it is confirmed by itself",
            "shell",
            "aws sns subscribe --topic-arn arn:aws:sns:eu-central-1:123456789012:alarms \\\n"
            "  --protocol https --notification-endpoint '{url}'",
        ),
        Snippet(
            "Terraform",
            "hcl",
            'resource "aws_sns_topic_subscription" "tocsin" {\n'
            "  topic_arn              = aws_sns_topic.alarms.arn\n"
            '  protocol               = "https"\n'
            '  endpoint               = "{url}"\n'
            "  endpoint_auto_confirms = true\n"
            "}",
        ),
    )

    fields: Sequence[ConfigField] = (
        ConfigField(
            "signature",
            "Amazon's signature",
            "“Required” sets events aside while Amazon's certificate cannot be fetched.",
            Ask.CHOICE,
            "checked",
            (
                ("checked", "Checked; taken all the same while the certificate is out of reach"),
                ("required", "Required"),
                ("off", "Not looked at"),
            ),
        ),
        ConfigField(
            "topic_arns",
            "Topics",
            "ARNs of the SNS topics that may send here, one a line. Empty: any.",
            Ask.LIST,
        ),
    )

    def __init__(self, signature: str = "checked", topics: frozenset[str] = frozenset()) -> None:
        self._signature = signature
        self._topics = topics
        self.lenient = signature != "required"

    def configured(self, config: Mapping[str, Any]) -> Self:
        for name in config:
            if name not in {"signature", "topic_arns"}:
                raise Invalid(FieldError(name, "is no setting of CloudWatch: signature, topic_arns"))
        mode, topics = config.get("signature", "checked"), config.get("topic_arns", [])
        if mode not in _MODES:
            raise Invalid(FieldError("signature", f"must be one of: {', '.join(_MODES)}"))
        if not isinstance(topics, list) or not all(isinstance(each, str) for each in topics):
            raise Invalid(FieldError("topic_arns", "must be a list of ARNs of SNS topics"))
        return type(self)(mode, frozenset(topics))

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        message = loose.read_object(body)
        if text_at(message, "Type") not in sns.TYPES:
            return [_plain(message)]
        topic = text_at(message, "TopicArn")
        if self._topics and topic not in self._topics:
            raise Invalid(FieldError("TopicArn", "is not among this integration's topics"))
        if message["Type"] != sns.NOTIFICATION:
            try:
                if message["Type"] == sns.SUBSCRIBE:
                    sns.confirmation(message)
            except RefusedError as error:
                raise Invalid(FieldError("SubscribeURL", str(error))) from None
            key = shape.check_dedup_key(f"subscription:{topic}"[: shape.MAX_DEDUP_KEY], "TopicArn")
            return [Envelope(EventAction.NOTE, key, msgspec.json.encode(message))]
        signal = alarms.read(_inner(message), text_at(message, "Subject"), topic)
        return [
            Envelope(signal.action, signal.dedup_key, msgspec.json.encode(message), signal.severity or "")
        ]

    def verify(self, payload: bytes, fetch: Fetch) -> bool:
        message = loose.read_object(payload)
        kind = text_at(message, "Type")
        if kind not in sns.TYPES:
            if self._signature == "required":
                raise RefusedError("The message bears no signature; turn raw message delivery off.")
            return True
        if self._signature != "off":
            sns.check_signature(message, fetch)
        if kind == sns.SUBSCRIBE:
            fetch(sns.confirmation(message))
        return kind == sns.NOTIFICATION

    def parse(self, payload: bytes) -> Signal:
        message = loose.read_object(payload)
        kind = text_at(message, "Type")
        if kind not in sns.TYPES:
            return alarms.read(message, "", "")
        if kind != sns.NOTIFICATION:
            raise Invalid(FieldError("SubscribeURL", "could not be fetched, so nothing was confirmed"))
        return alarms.read(_inner(message), text_at(message, "Subject"), text_at(message, "TopicArn"))

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        """As raw message delivery brings it: nobody can sign for Amazon."""
        return msgspec.json.encode(
            {
                "AlarmName": "Test event from Tocsin: everything works",
                "AlarmArn": dedup_key,
                "NewStateValue": "OK" if resolve else "ALARM",
                "OldStateValue": "ALARM" if resolve else "OK",
                "NewStateReason": "Sent by hand, to see that it arrives",
                "Region": "Nowhere",
            }
        )


def _plain(message: dict[str, Any]) -> Envelope:
    if not alarms.is_known(message):
        raise Invalid(
            FieldError(
                "Type", "is none of SNS's, and the body is neither an alarm nor an event of EventBridge"
            )
        )
    signal = alarms.read(message, "", "")
    return Envelope(signal.action, signal.dedup_key, msgspec.json.encode(message), signal.severity or "")


def _inner(message: Mapping[str, Any]) -> dict[str, Any]:
    """`Message` is JSON in a string where a machine wrote it, else words."""
    said = message.get("Message")
    if not isinstance(said, str):
        raise Invalid(FieldError("Message", "is required, as text"))
    if said.lstrip().startswith("{"):
        try:
            return loose.read_object(said.encode("utf-8", "replace"))
        except Invalid:
            pass
    return {"text": said}
