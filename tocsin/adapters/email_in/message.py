"""From the bytes of a mail to what rules look at. Whatever is wrong with the bytes, what can be read is."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parseaddr, parsedate_to_datetime
from itertools import islice
from typing import Final

from tocsin.domain import shape
from tocsin.domain.errors import FieldError, Invalid

_MOST_TEXT: Final = 64 * 1024
_MOST_PARTS: Final = 100
_MOST_HEADERS: Final = 200
_BLOCKS: Final = frozenset(
    (
        "br",
        "p",
        "div",
        "tr",
        "li",
        "table",
        "ul",
        "ol",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "blockquote",
        "pre",
    )
)
_SKIPPED: Final = frozenset({"script", "style", "head", "title", "template"})
_TAG: Final = re.compile(r"/?[A-Za-z][A-Za-z0-9]{0,20}")
_SPACES: Final = re.compile(r"[ \t\u00a0\r\f\v]+")
_BLANK_LINES: Final = re.compile(r"\n[ \n]*\n")


@dataclass(frozen=True)
class Mail:
    subject: str
    sender: str  # the address, in lower case
    sender_name: str
    recipients: tuple[str, ...]
    text: str
    date: datetime | None
    message_id: str
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case; the first of each
    attachments: tuple[str, ...] = ()
    content_type: str = ""


def read(raw: bytes) -> Mail:
    """Raises `Invalid` for what is no mail at all."""
    try:
        message = message_from_bytes(raw)
        headers = _headers(message)
        text, attachments = _content(message)
    except RecursionError:
        raise Invalid(FieldError("body", "is nested too deeply")) from None
    if not headers:
        raise Invalid(FieldError("body", "is no mail: it has no headers"))
    name, address = _address(headers.get("from", ""))
    return Mail(
        subject=_one_line(headers.get("subject", "")),
        sender=address,
        sender_name=name,
        recipients=_recipients(headers),
        text=text,
        date=_date(headers.get("date", "")),
        message_id=_one_line(headers.get("message-id", ""))[:255],
        headers=headers,
        attachments=attachments,
        content_type=message.get_content_type(),
    )


def _headers(message: Message) -> dict[str, str]:
    found: dict[str, str] = {}
    # As they came: `items` makes question marks of bytes beyond ASCII, which mails in UTF-8 (RFC 6532) have.
    for name, value in islice(message.raw_items(), _MOST_HEADERS):
        found.setdefault(name.lower()[:255], _decoded(value)[:4096])
    return found


def _decoded(value: object) -> str:
    """RFC 2047, as well as it goes."""
    text = _sound(str(value))
    try:
        words = decode_header(text)
    except (HeaderParseError, ValueError):
        return shape.clean(_sound(text), 8192)
    parts = [word if isinstance(word, str) else _as_text(word, charset or "ascii") for word, charset in words]
    return shape.clean(_sound("".join(parts)), 8192)


def _content(message: Message) -> tuple[str, tuple[str, ...]]:
    """The text (plain before HTML) and the names of what is attached."""
    plain: list[str] = []
    rich: list[str] = []
    attached: list[str] = []
    for part in _parts(message):
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment" or not kind.startswith("text/"):
            attached.append(shape.clean(_decoded(part.get_filename() or kind), 255))
        elif kind == "text/html":
            rich.append(text_of_html(_body(part)))
        else:
            plain.append(_body(part))
    text = "\n".join(plain).strip() or "\n".join(rich).strip()
    return shape.clean(text.replace("\r\n", "\n"), _MOST_TEXT), tuple(attached[:50])


def _parts(message: Message) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number >= _MOST_PARTS:
            return
        if not part.is_multipart():
            yield part


def _body(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        charset = part.get_content_charset() or "utf-8"
    except (LookupError, UnicodeError, ValueError):
        charset = "utf-8"
    return _as_text(payload[: _MOST_TEXT * 4], charset)


def _as_text(raw: bytes, charset: str) -> str:
    for name in (charset, "utf-8"):
        try:
            return raw.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return raw.decode("latin-1")


def text_of_html(given: str) -> str:
    """What a reader would see, in linear time whatever stands there."""
    first, *rest = given.split("<")
    said = [first]
    until = ""  # what ends that which nobody sees
    for piece in rest:
        inside, _, after = piece.partition(">")
        if until == "-->":
            _, ended, after = piece.partition("-->")
            until = "" if ended else until
            said.append(after if ended else "")
            continue
        found = _TAG.match(piece)
        tag = found[0].lower() if found else ""
        if until:
            if tag == until:
                until = ""
                said.append(after)
        elif piece.startswith("!--"):
            _, ended, after = piece.partition("-->")
            until = "" if ended else "-->"
            said.append(after)
        elif tag in _SKIPPED:
            until = f"/{tag}"
        elif not tag and not inside.startswith(("!", "?")):
            said.append("<" + piece)
        else:
            said.append(("\n" if tag.lstrip("/") in _BLOCKS else " " if tag in {"td", "th"} else "") + after)
    lines = (_SPACES.sub(" ", line).strip() for line in html.unescape("".join(said)).split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _address(text: str) -> tuple[str, str]:
    name, address = parseaddr(text)
    return _one_line(name)[:255], address.strip().lower()[:255]


def _recipients(headers: dict[str, str]) -> tuple[str, ...]:
    given = [headers[name] for name in ("to", "cc", "delivered-to", "x-original-to") if name in headers]
    return tuple(dict.fromkeys(address.lower()[:255] for _, address in getaddresses(given) if address))[:20]


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return shape.time_of(moment.replace(tzinfo=moment.tzinfo or UTC).isoformat())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _sound(text: str) -> str:
    """Without the halves of surrogate pairs that stand for bytes nobody could read."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
