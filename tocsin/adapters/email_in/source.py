"""Mail as a source: any tool that can only send mail. Rules decide; without them the subject does."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from typing import Any, Final, Self

import msgspec

from tocsin.adapters.email_in import rules
from tocsin.adapters.email_in.message import Mail, read
from tocsin.adapters.email_in.rules import Rules
from tocsin.domain import loose, shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.loose import text_at
from tocsin.domain.signal import EventAction, Signal
from tocsin.ports.source import Envelope, RuleWords, Snippet, Verdict

TEST_HEADER: Final = "X-Tocsin-Test"
_OURS: Final = ("x-tocsin-kind", "x-tocsin-key")
_MOST_HOPS: Final = 30
_REPLY: Final = re.compile(r"\s*(?:re|fwd?|aw|wg|tr|rv|antwort)\s*(?:\[\d+\])?\s*:\s*", re.IGNORECASE)
# Words that tell of a state rather than of a thing; in capitals, as tools write them.
_OVER: Final = re.compile(
    r"\b(?:RESOLVED|RECOVERED|RECOVERY|CLEARED|CLOSED|OK|UP)\b"
    r"|\[(?:[Rr]esolved|[Rr]ecovered|[Cc]losed|[Oo]k|[Uu]p)\]|^(?:[Rr]esolved|[Rr]ecovered|[Cc]losed)\s*:"
)
_STATES: Final = re.compile(
    r"\[?(?:\b(?:PROBLEM|FIRING|TRIGGERED|ALERT|ALARM|CRITICAL|ERROR|WARNING|WARN|INFO|UNKNOWN|DOWN|UP|OK"
    r"|RESOLVED|RECOVERED|RECOVERY|CLEARED|CLOSED)\b(?::\d+)?)\]?"
    r"|\[(?:[Pp]roblem|[Ff]iring|[Tt]riggered|[Rr]esolved|[Rr]ecovered|[Cc]losed|[Oo]k|[Uu]p|[Dd]own)\]"
    r"|^(?:[Pp]roblem|[Ff]iring|[Tt]riggered|[Rr]esolved|[Rr]ecovered|[Cc]losed)\s*:"
)
_EDGES: Final = " \t*-–—:|,;.!#"
_SEVERITIES: Final = (
    ("critical", re.compile(r"\b(?:CRITICAL|EMERGENCY|DISASTER|FATAL)\b")),
    ("error", re.compile(r"\b(?:ERROR|DOWN|ALARM)\b")),
    ("warning", re.compile(r"\b(?:WARNING|WARN)\b")),
    ("info", re.compile(r"\b(?:INFO|NOTICE)\b")),
)
_EXAMPLE: Final = "From: monitor@example.com\nSubject: {}\n\nHost: db1\nDisk: sda\n"


class EmailSource:
    kind = "email"
    title = "E-mail"
    snippets: Sequence[Snippet] = (
        Snippet(
            "Send mail to (any domain that is delivered to TOCSIN_MAIL_IN_BIND)",
            "text",
            "{key}@alerts.example.com",
        ),
        Snippet(
            "Postfix: hand a domain over",
            "text",
            "# /etc/postfix/transport\nalerts.example.com    smtp:[tocsin.example.com]:2525",
        ),
        Snippet("Without SMTP: a mail by HTTP", "shell", "curl -X POST {url} --data-binary @mail.eml"),
    )

    words = RuleWords(rules.FIELDS, rules.OPERATORS, rules.ACTIONS, rules.SEVERITIES)

    examples = (
        ("A mail that fires", _EXAMPLE.format("PROBLEM: disk sda on db1 is 95 % full")),
        ("One that resolves", _EXAMPLE.format("[RESOLVED] disk sda on db1 is 95 % full")),
    )

    def __init__(self, given: Rules | None = None) -> None:
        self._rules = given or Rules()

    def configured(self, config: Mapping[str, Any]) -> Self:
        return type(self)(rules.load(config))

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        mail = read(body)
        verdict = self.judged(mail)
        if verdict.then == "ignore":
            return []
        key = shape.check_dedup_key(verdict.dedup_key, "subject")
        kept = {
            "action": verdict.then,
            "dedup_key": key,
            "severity": verdict.severity,
            "reason": verdict.reason,
            "subject": mail.subject[:1024],
            "from": mail.sender,
            "from_name": mail.sender_name,
            "to": mail.recipients,
            "date": mail.date.isoformat() if mail.date else "",
            "message_id": mail.message_id,
            "text": mail.text,
            "attachments": mail.attachments,
        }
        return [Envelope(EventAction(verdict.then), key, msgspec.json.encode(kept), verdict.severity)]

    def judge(self, message: bytes) -> Verdict:
        return self.judged(read(message))

    def message_of(self, payload: bytes) -> bytes:
        kept = loose.read_object(payload)
        names = {"From": "from", "Subject": "subject", "Message-ID": "message_id"}
        head = [f"{name}: {' '.join(text_at(kept, key).split())}" for name, key in names.items()]
        to = kept.get("to")
        head.insert(1, f"To: {', '.join(map(str, to)) if isinstance(to, list) else ''}")
        head.append("Content-Type: text/plain; charset=utf-8")
        lines = "\n".join(each for each in head if not each.endswith(": "))
        return f"{lines}\n\n{text_at(kept, 'text')}\n".encode("utf-8", "replace")

    def judged(self, mail: Mail) -> Verdict:
        """What becomes of a mail, and why."""
        if mail.headers.get(TEST_HEADER.lower()):
            return Verdict(_said(mail), "a test", mail.headers[TEST_HEADER.lower()][: shape.MAX_DEDUP_KEY])
        why = unwanted(mail)
        if why:
            return Verdict("ignore", why)
        verdict = rules.decide(mail, self._rules)
        if verdict.then == "ignore":
            return verdict
        return Verdict(
            then=verdict.then or _said(mail),
            reason=f"{verdict.reason}, so the subject decides" if verdict.rule is None else verdict.reason,
            dedup_key=_key(verdict.dedup_key or thing(mail)),
            severity=verdict.severity or _severity(mail.subject),
            rule=verdict.rule,
        )

    def parse(self, payload: bytes) -> Signal:
        kept = loose.read_object(payload)
        try:
            action = EventAction(text_at(kept, "action"))
        except ValueError:
            raise Invalid(FieldError("action", "is no action")) from None
        at = shape.time_of(text_at(kept, "date"))
        sender = text_at(kept, "from")
        subject = text_at(kept, "subject")
        attached = kept.get("attachments")
        return Signal(
            action=action,
            dedup_key=text_at(kept, "dedup_key"),
            summary=shape.clean(_plain(subject) or first_line(text_at(kept, "text")) or "A mail", 1024),
            severity=text_at(kept, "severity") or None,
            source=shape.clean(sender, 512),
            labels=shape.labels_of(
                {
                    "from": sender,
                    "from_domain": sender.rpartition("@")[2],
                    "subject": subject,
                }
            ),
            annotations=shape.labels_of(
                {
                    "description": text_at(kept, "text"),
                    "attachments": ", ".join(map(str, attached)) if isinstance(attached, list) else "",
                    "decided_by": text_at(kept, "reason"),
                }
            ),
            started_at=at if action is EventAction.TRIGGER else None,
            ended_at=at if action is EventAction.RESOLVE else None,
            details=kept,
        )

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        mail = EmailMessage()
        mail["Subject"] = f"{'[RESOLVED] ' if resolve else ''}Test event from Tocsin: everything works"
        mail["From"] = "tocsin@example.com"
        mail[TEST_HEADER] = dedup_key
        mail.set_content("Sent by hand, to see that it arrives.")
        return mail.as_bytes()


def unwanted(mail: Mail) -> str:
    """Why a mail is no alert, whatever the rules: answers of machines, bounces, our own; "" if it may be."""
    headers = mail.headers
    if any(name in headers for name in _OURS):
        return "it is one of Tocsin's own: a loop"
    if headers.get("auto-submitted", "").lower().startswith("auto-replied"):
        return "an automatic reply (Auto-Submitted)"
    if "x-autoreply" in headers or "x-autorespond" in headers or headers.get("precedence") == "auto_reply":
        return "an automatic reply"
    if mail.content_type == "multipart/report" or mail.sender.startswith(("mailer-daemon@", "mailer-daemon")):
        return "a report about a mail that could not be delivered"
    if headers.get("return-path", "").strip() == "<>" and (
        "in-reply-to" in headers or "references" in headers
    ):
        return "an answer of a machine (it has no sender)"
    return ""


def thing(mail: Mail) -> str:
    """What a subject is about, without its state: “[RESOLVED] Re: Disk full” and “Disk full” are one."""
    plain = _plain(mail.subject)
    bare = " ".join(_STATES.sub(" ", plain).split()).strip(_EDGES)
    return (bare or plain or first_line(mail.text) or mail.message_id or "mail").casefold()


def first_line(text: str) -> str:
    return next((line.strip() for line in text.split("\n") if line.strip()), "")


def _plain(subject: str) -> str:
    while (found := _REPLY.match(subject)) is not None and found.end() > 0:
        subject = subject[found.end() :]
    return subject.strip()


def _said(mail: Mail) -> str:
    return "resolve" if _OVER.search(_plain(mail.subject)) else "trigger"


def _severity(subject: str) -> str:
    return next((name for name, words in _SEVERITIES if words.search(subject)), "")


def _key(text: str) -> str:
    return (
        text
        if len(text) <= shape.MAX_DEDUP_KEY
        else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    )
