"""What comes through Amazon SNS, and whether it comes from there."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from tocsin.adapters.cloudwatch import sns
from tocsin.adapters.cloudwatch.source import CloudWatchSource
from tocsin.domain.errors import Invalid
from tocsin.domain.signal import Signal
from tocsin.ports.source import RefusedError, UnreachableError

FIXTURES = Path(__file__).parents[2] / "tocsin/adapters/cloudwatch/fixtures"
SOURCE = CloudWatchSource()
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=900))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


CERTIFICATE = certificate(KEY)


def raw(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


def read(name: str) -> Signal:
    (envelope,) = SOURCE.envelope(raw(name))
    signal = SOURCE.parse(envelope.payload)
    assert (signal.action, signal.dedup_key) == (envelope.action, envelope.dedup_key)
    return signal


def signed(name: str, version: str = "1", key: rsa.RSAPrivateKey = KEY, **changes: str) -> bytes:
    message: dict[str, Any] = {**msgspec.json.decode(raw(name)), "SignatureVersion": version}
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = key.sign(sns.signed(message), padding.PKCS1v15(), algorithm)
    message["Signature"] = base64.b64encode(signature).decode()
    return msgspec.json.encode({**message, **changes})


class Amazon:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        return CERTIFICATE if url.endswith(".pem") else b"<ConfirmSubscriptionResponse/>"


ARN = "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:checkout-5xx"


@pytest.mark.parametrize(
    ("name", "action", "key", "severity", "alert_kind"),
    [
        ("alarm", "trigger", ARN, "critical", "metric"),
        ("ok", "resolve", ARN, "critical", "metric"),
        ("insufficient_data", "trigger", ARN, "warning", "no_data"),
        ("composite", "trigger", ARN.replace("5xx", "down"), None, "composite"),
        ("raw_delivery", "trigger", ARN, "critical", "metric"),
        ("eventbridge_alarm", "trigger", ARN, None, "metric"),
        (
            "eventbridge_other",
            "trigger",
            (
                "aws.ec2:EC2 Instance State-change Notification:"
                "arn:aws:ec2:eu-central-1:123456789012:instance/i-0abc"
            ),
            None,
            "event",
        ),
        (
            "words",
            "trigger",
            "arn:aws:sns:eu-central-1:123456789012:alarms:Backup failed",
            None,
            "message",
        ),
    ],
)
def test_every_kind_is_told_apart(
    name: str, action: str, key: str, severity: str | None, alert_kind: str
) -> None:
    signal = read(name)
    assert (signal.action, signal.dedup_key, signal.severity) == (action, key, severity)
    assert signal.labels["alert_kind"] == alert_kind


def test_labels_link_runbook_and_time() -> None:
    alarm = read("alarm")
    assert (alarm.labels["region"], alarm.labels["account"], alarm.labels["LoadBalancer"]) == (
        *("eu-central-1", "123456789012", "app/checkout/1"),
    )
    assert alarm.links[0].href == (
        "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1"
        "#alarmsV2:alarm/checkout-5xx"
    )
    assert alarm.annotations["runbook_url"] == "https://wiki.example.com/runbooks/5xx"
    assert alarm.started_at == datetime(2026, 11, 23, 10, 0, 0, 123000, UTC)


@pytest.mark.parametrize("version", ["1", "2"])
def test_what_amazon_signed_counts(version: str) -> None:
    amazon = Amazon()
    assert SOURCE.verify(signed("alarm", version), amazon)
    assert amazon.asked == ["https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123abcd.pem"]


@pytest.mark.parametrize(
    "payload",
    [
        signed("alarm", key=OTHER),
        signed("alarm", Subject="Changed"),
        signed("alarm", SignatureVersion="3"),
        signed("alarm", Signature="no base64"),
        raw("alarm"),
        signed("alarm", TopicArn="arn:aws:sns:nowhere:1:x"),
    ],
)
def test_what_is_forged_or_changed_is_refused(payload: bytes) -> None:
    with pytest.raises(RefusedError):
        SOURCE.verify(payload, Amazon())


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-central-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem",  # not the topic's region
        "https://sns.eu-central-1.amazonaws.com@evil.example/SimpleNotificationService-1.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-1.pem",
        "https://sns.eu-central-1.amazonaws.com/other.pem",
        "https://169.254.169.254/SimpleNotificationService-1.pem",
        "https://[broken",
    ],
)
def test_certificates_come_from_amazons_own_host_only(url: str) -> None:
    amazon = Amazon()
    with pytest.raises(RefusedError):
        SOURCE.verify(signed("alarm", SigningCertURL=url), amazon)
    assert amazon.asked == []


def test_a_subscription_is_confirmed_once_its_signature_is_good() -> None:
    amazon = Amazon()
    (envelope,) = SOURCE.envelope(signed("subscription_confirmation"))
    assert not SOURCE.verify(envelope.payload, amazon)
    assert amazon.asked[-1].startswith("https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&")

    forged = Amazon()
    with pytest.raises(RefusedError):
        SOURCE.verify(signed("subscription_confirmation", key=OTHER), forged)
    assert not any("Confirm" in url for url in forged.asked)


def test_an_end_of_subscription_subscribes_nobody_again() -> None:
    amazon = Amazon()
    assert not SOURCE.verify(signed("unsubscribe_confirmation"), amazon)
    assert not any("Confirm" in url for url in amazon.asked)


def test_no_other_address_is_ever_called_to_confirm() -> None:
    for url in (
        "https://evil.example/?Action=ConfirmSubscription",
        "https://sns.eu-central-1.amazonaws.com/?Action=Publish",
    ):
        with pytest.raises(Invalid):
            SOURCE.envelope(signed("subscription_confirmation", SubscribeURL=url))


def test_only_the_topics_of_the_config_may_speak() -> None:
    mine = SOURCE.configured({"topic_arns": ["arn:aws:sns:eu-central-1:123456789012:alarms"]})
    assert len(mine.envelope(raw("alarm"))) == 1
    with pytest.raises(Invalid):
        SOURCE.configured({"topic_arns": ["arn:aws:sns:eu-central-1:1:x"]}).envelope(raw("alarm"))


def test_raw_messages_bear_no_signature() -> None:
    def nobody(url: str) -> bytes:
        raise UnreachableError(url)

    assert SOURCE.verify(raw("raw_delivery"), nobody)
    with pytest.raises(RefusedError):
        SOURCE.configured({"signature": "required"}).verify(raw("raw_delivery"), nobody)
    with pytest.raises(UnreachableError):
        SOURCE.verify(signed("alarm"), nobody)
    assert SOURCE.configured({"signature": "off"}).verify(raw("alarm"), nobody)
    assert (SOURCE.lenient, SOURCE.configured({"signature": "required"}).lenient) == (True, False)
