"""Amazon SNS's envelope: its signature, and the hosts it may name.

docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html: version 1 is
SHA-1, version 2 SHA-256, both RSA PKCS #1 v1.5 over some of the fields in a fixed order.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from tocsin.domain.loose import text_at
from tocsin.ports.source import Fetch, RefusedError

NOTIFICATION: Final = "Notification"
SUBSCRIBE: Final = "SubscriptionConfirmation"
UNSUBSCRIBE: Final = "UnsubscribeConfirmation"
TYPES: Final = frozenset({NOTIFICATION, SUBSCRIBE, UNSUBSCRIBE})

_SIGNED: Final = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIBE: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_SIGNED[UNSUBSCRIBE] = _SIGNED[SUBSCRIBE]
_ARN: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):sns:(?P<region>[a-z]{2}(-[a-z]+)+-\d{1,2}):\d{12}:[\w.-]{1,300}"
)
_CERTIFICATE: Final = re.compile(r"/SimpleNotificationService-[\w-]{1,200}\.pem")
_HASHES: Final = {"1": SHA1, "2": SHA256}


def check_signature(message: Mapping[str, Any], fetch: Fetch) -> None:
    """Raises RefusedError, and what `fetch` raises. The certificate comes from Amazon's own host of the
    topic's region, over TLS: that is what makes it Amazon's.
    """
    url = text_at(message, "SigningCertURL") or text_at(message, "SigningCertUrl")
    if urlsplit_host(url) != host_of(message) or not _CERTIFICATE.fullmatch(urlsplit(url).path):
        raise RefusedError("SigningCertURL is not Amazon's own address of the topic's region.")
    algorithm = _HASHES.get(text_at(message, "SignatureVersion"))
    if algorithm is None:
        raise RefusedError("SignatureVersion is neither 1 nor 2.")
    try:
        signature = base64.b64decode(text_at(message, "Signature"), validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError("Signature is not base64.") from None
    try:
        key = x509.load_pem_x509_certificate(fetch(url)).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise RefusedError("What stands at SigningCertURL is no certificate.") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise RefusedError("The certificate holds no RSA key.")
    try:
        key.verify(signature, signed(message), padding.PKCS1v15(), algorithm())
    except InvalidSignature:
        raise RefusedError(
            "The signature is wrong: this was not sent by Amazon SNS, or was changed."
        ) from None


def signed(message: Mapping[str, Any]) -> bytes:
    """The text that is signed."""
    names = _SIGNED.get(text_at(message, "Type"), ())
    given = ((name, message.get(name)) for name in names)
    return "".join(f"{name}\n{value}\n" for name, value in given if isinstance(value, str)).encode()


def host_of(message: Mapping[str, Any]) -> str:
    """Raises RefusedError."""
    found = _ARN.fullmatch(text_at(message, "TopicArn"))
    if found is None:
        raise RefusedError("TopicArn is no topic of Amazon SNS.")
    end = ".cn" if found["partition"] == "aws-cn" else ""
    return f"sns.{found['region']}.amazonaws.com{end}"


def confirmation(message: Mapping[str, Any]) -> str:
    """The address whose GET confirms the subscription. Raises RefusedError: nobody makes us call another."""
    url = text_at(message, "SubscribeURL")
    if urlsplit_host(url) != host_of(message):
        raise RefusedError("SubscribeURL is not Amazon's own address of the topic's region.")
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    if parts.path not in {"", "/"} or asked.get("Action") != ["ConfirmSubscription"]:
        raise RefusedError("SubscribeURL confirms no subscription.")
    if asked.get("TopicArn") != [text_at(message, "TopicArn")]:
        raise RefusedError("SubscribeURL is about another topic.")
    return url


def urlsplit_host(url: str) -> str:
    """Of a plain https address; "" for any other."""
    try:
        parts = urlsplit(url)
        plain = parts.scheme == "https" and parts.port in {None, 443} and "@" not in parts.netloc
    except ValueError:
        return ""
    return (parts.hostname or "") if plain and url.isascii() else ""
