"""One mail: a subject that reads well at 3 a.m., plain text, and HTML with styles inline and buttons for
thumbs.
"""

import re
from base64 import encodebytes
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, parseaddr
from html import escape

from tocsin.domain.notification.model import MessageKind
from tocsin.domain.severity import Severity
from tocsin.ports.channel import Message

_LONGEST_SUBJECT = 180
_LONGEST_LINE = 200
_SAFE_ADDRESS = re.compile(r"[\x21-\x7e]+@[\x21-\x7e]+")
_SAFE_URL = re.compile(r"https?://[\x21-\x3b\x3d\x3f-\x7e]{1,900}")  # a header's line ends at 998
_COLOURS = {
    Severity.SEV1: "#b91c1c",
    Severity.SEV2: "#c2410c",
    Severity.SEV3: "#a16207",
    Severity.SEV4: "#475569",
}
_WORDS = {
    MessageKind.RESOLVED: "Resolved",
    MessageKind.JOINED: "Update",
    MessageKind.NUDGE: "Still on it?",
    MessageKind.NOTICE: "Update",
    MessageKind.STAKEHOLDER: "For your information",
    MessageKind.DUTY: "On call",
    MessageKind.UPDATE: "Update",
}


def one_line(text: str) -> str:
    """Without line breaks and control characters: nothing from outside may add a header."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def subject_line(message: Message) -> str:
    subject = message.subject
    if not subject.incident_id:
        return one_line(f"[Tocsin] {message.headline}")[:_LONGEST_SUBJECT]
    head = f"[{subject.severity}] {subject.service}: "
    tail = f" ({subject.ref})"
    word = _WORDS.get(message.kind)
    if word and message.kind is not MessageKind.STAKEHOLDER:
        head = f"{word}{'' if word.endswith('?') else ':'} {head}"
    room = _LONGEST_SUBJECT - len(head) - len(tail)
    title = one_line(subject.title)
    return one_line(head + (title if len(title) <= room else title[: room - 1] + "…") + tail)


def render(message: Message, sender: str, domain: str, now: datetime) -> bytes:
    """The mail as it goes over the wire (RFC 5322, MIME). The same message gives the same Message-ID.

    `sender` is "Name <address>"; `domain` makes the Message-IDs ours. Written by hand, because a storm of
    pages is no time for the standard library's header parser. Raises ValueError for an address that cannot
    stand in a header.
    """
    if not _SAFE_ADDRESS.fullmatch(message.address):
        raise ValueError(f"{message.address!r} cannot stand in a header")
    # Every mail of one incident hangs on one root, so that mail programs show one conversation.
    root = f"<{message.thread}@{domain}>"
    headers = [
        ("Subject", _encoded(subject_line(message))),
        ("From", _mailbox(*parseaddr(sender))),
        ("To", _mailbox(one_line(message.recipient), message.address)),
        ("Date", format_datetime(now)),
        ("Message-ID", f"<{message.key}@{domain}>"),
        ("In-Reply-To", root),
        ("References", root),
        ("List-Id", f"Tocsin <pages.{domain}>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("X-Tocsin-Kind", str(message.kind)),
        ("X-Tocsin-Key", message.key),
    ]
    if message.subject.ref:
        headers.append(("X-Tocsin-Incident", _encoded(one_line(message.subject.ref))))
    if message.urgency == "high" and message.kind in {MessageKind.PAGE, MessageKind.DUTY}:
        headers += [("Importance", "high"), ("X-Priority", "1")]
    headers += _way_out(message)
    boundary = f"=_{message.key}"
    headers += [
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
    ]
    parts = (_part("text/plain", text(message)), _part("text/html", html(message)))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers).encode("ascii")
    mark = boundary.encode()
    body = b"".join(b"--%s\r\n%s" % (mark, part) for part in parts)
    return b"%s\r\n%s--%s--\r\n" % (head, body, mark)


def _way_out(message: Message) -> list[tuple[str, str]]:
    """What a mail program's own "unsubscribe" uses (RFC 2369), with one click (RFC 8058); updates only."""
    if message.kind is not MessageKind.UPDATE:
        return []
    url = next((action.url for action in message.actions if action.name == "unfollow"), "")
    if not _SAFE_URL.fullmatch(url):
        return []
    found = [("List-Unsubscribe", f"<{url}>")]
    if url.startswith("https:"):
        found.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return found


def _part(kind: str, content: str) -> bytes:
    encoded = encodebytes(content.encode("utf-8", "replace")).replace(b"\n", b"\r\n")
    head = f"Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode() + encoded


def _encoded(value: str) -> str:
    """As it is where it is short ASCII; otherwise in encoded words (RFC 2047), folded."""
    if value.isascii() and len(value) < _LONGEST_LINE:
        return value
    return Header(value.encode("utf-8", "replace").decode(), "utf-8", maxlinelen=75).encode(linesep="\r\n")


def _mailbox(name: str, address: str) -> str:
    if not name:
        return address
    if name.isascii() and len(name) < _LONGEST_LINE:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{address}>'
    return f"{_encoded(name)} <{address}>"


def text(message: Message) -> str:
    subject = message.subject
    parts = [message.headline, ""]
    if subject.incident_id:
        parts += [f"{subject.ref} · {subject.severity} · {subject.service} · {message.urgency} urgency", ""]
    parts += [part for line in message.lines for part in (line, "")]
    width = max((len(action.label) for action in message.actions), default=0)
    parts += [f"{action.label:<{width}}  {action.url}" for action in message.actions]
    if message.actions:
        parts += ["", _foot(message)]
    return "\n".join(parts).strip() + "\n"


def _foot(message: Message) -> str:
    if message.kind is MessageKind.UPDATE:
        return "You get this because you follow it. The link works for you only, without logging in."
    if message.subject.incident_id:
        return "These links work for you and this incident only, without logging in, until it is resolved."
    return "These links work for you only, without logging in, until what they are for is over."


def html(message: Message) -> str:
    subject = message.subject
    colour = _COLOURS[subject.severity] if subject.incident_id else "#334155"
    badge = f"{subject.severity} · {escape(subject.service)}" if subject.incident_id else "Tocsin"
    word = _WORDS.get(message.kind, "")
    lines = "".join(
        f'<p style="margin:0 0 12px;white-space:pre-wrap">{escape(line)}</p>' for line in message.lines
    )
    buttons = "".join(
        _button(a.label, a.url, colour if n == 0 else "") for n, a in enumerate(message.actions)
    )
    foot = _foot(message) if message.actions else ""
    ref = f'<span style="opacity:.8">{escape(subject.ref)}</span>' if subject.ref else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<title>{escape(subject_line(message))}</title></head>
<body style="margin:0;padding:16px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif">
<div style="max-width:560px;margin:0 auto;border:1px solid #94a3b855;border-radius:12px;overflow:hidden">
<div style="background:{colour};color:#ffffff;padding:12px 20px;font-weight:600">{badge} {ref}</div>
<div style="padding:20px">
<p style="margin:0 0 4px;opacity:.75">{escape(word)}</p>
<h1 style="margin:0 0 16px;font-size:22px;line-height:1.3">{escape(message.headline)}</h1>
{lines}
<div style="margin:20px 0 0">{buttons}</div>
<p style="margin:20px 0 0;font-size:13px;opacity:.7">{foot}</p>
</div></div></body></html>
"""


def _button(label: str, url: str, colour: str) -> str:
    look = (
        f"background:{colour};color:#ffffff;border:1px solid {colour}"
        if colour
        else "color:inherit;border:1px solid #94a3b8"
    )
    return (
        f'<a href="{escape(url, quote=True)}" style="display:block;margin:0 0 10px;padding:14px 20px;'
        f'border-radius:10px;text-align:center;font-weight:600;text-decoration:none;{look}">'
        f"{escape(label)}</a>"
    )
