"""What is sent to break things, by name: made of a source's own messages, so that a new source is tried as it
is added.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from tocsin.config import sources
from tocsin.ports import registry

sources.fill()
KINDS: Final = sorted(registry.sources)
ADAPTERS: Final = Path(__file__).parents[2] / "tocsin/adapters"
_LARGEST: Final = 1024 * 1024
_YEARS: Final = ("19", "20")
_TIMES: Final = ("at", "time", "date", "timestamp", "started", "ended", "occurred", "start", "end", "starts")

Leaf = Callable[[Any], Any]


def bodies(kind: str) -> list[bytes]:
    """Its samples, and what it was seen to send."""
    source = registry.sources[kind]
    found = [source.sample("k"), source.sample("k", resolve=True)]
    for folder in (ADAPTERS / kind / "fixtures", ADAPTERS / "mapper/fixtures" / kind):
        found += [path.read_bytes() for path in sorted(folder.glob("**/*.*"))]
    return [body for body in found if len(body) <= _LARGEST]


def leaves(value: Any, change: Leaf, name: str = "") -> Any:
    """With each leaf changed; JSON inside of texts (Amazon's messages) is gone into."""
    if isinstance(value, dict):
        return {key: leaves(inner, change, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [leaves(inner, change, name) for inner in value]
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.dumps(leaves(json.loads(value), change, name))
        except ValueError:
            pass
    return change(value)


def maps(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """With each object changed, the inner ones first."""
    if isinstance(value, dict):
        return change({key: maps(inner, change) for key, inner in value.items()})
    if isinstance(value, list):
        return [maps(inner, change) for inner in value]
    return value


def _texts(change: Callable[[str], str]) -> Leaf:
    return lambda value: change(value) if isinstance(value, str) else value


def _times(instant: str, seconds: float) -> Callable[[Any], Any]:
    """With every leaf that looks like a time set to that one."""

    def change(value: Any, name: str) -> Any:
        known = any(part in name.lower() for part in _TIMES)
        if isinstance(value, str) and len(value) >= 8 and value.startswith(_YEARS) and "-" in value:
            return instant
        return seconds if known and isinstance(value, int | float) and not isinstance(value, bool) else value

    def walk(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: walk(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [walk(inner, name) for inner in value]
        return change(value, name)

    return walk


def _wide(value: dict[str, Any]) -> dict[str, Any]:
    return {**value, **{f"label{n}": "v" for n in range(10_000)}} if value else value


_JSON: Final[Mapping[str, Callable[[Any], Any]]] = {
    "NUL": lambda message: leaves(message, _texts(lambda text: f"{text[:9]}\0{text[9:]}")),
    "nothing but NUL": lambda message: leaves(
        message, _texts(lambda text: text if text.isalpha() or text.startswith("http") else "\0")
    ),
    "addresses with NUL": lambda message: leaves(
        message, _texts(lambda text: text + "/\0" if text.startswith("http") else text)
    ),
    "half a surrogate pair": lambda message: leaves(message, _texts(lambda text: text + "\ud800")),
    "control characters": lambda message: leaves(
        message, _texts(lambda text: text + "\r\nBcc: a@b.example\r\n\r\n\x1b[2J\x85\u2028\u202e\x7f")
    ),
    "long texts": lambda message: leaves(message, _texts(lambda text: text + "…" * 20_000)),
    "empty texts": lambda message: leaves(message, _texts(lambda _: "")),
    "blank texts": lambda message: leaves(message, _texts(lambda _: " \t\n")),
    "markup": lambda message: leaves(
        message, _texts(lambda text: text + "<script>alert(1)</script>{{ labels.a }}")
    ),
    "other addresses": lambda message: leaves(
        message, _texts(lambda text: "javascript:alert(1)" if text.startswith("http") else text)
    ),
    "broken addresses": lambda message: leaves(
        message, _texts(lambda text: "http://[::1" if text.startswith("http") else text)
    ),
    "numbers for all": lambda message: leaves(message, lambda _: -1),
    "long numbers": lambda message: leaves(message, lambda _: 2**200),
    "fractions": lambda message: leaves(message, lambda _: 1e300),
    "truth for all": lambda message: leaves(message, lambda _: True),
    "null for all": lambda message: leaves(message, lambda _: None),
    "lists for all": lambda message: leaves(message, lambda value: [value]),
    "objects for all": lambda message: leaves(message, lambda value: {"": value}),
    "empty objects": lambda message: maps(message, lambda _: {}),
    "10,000 labels": lambda message: maps(message, _wide),
    "names of 70,000 characters": lambda message: maps(message, lambda one: {**one, "n" * 70_000: "v"}),
    "an empty name": lambda message: maps(message, lambda one: {"": "v", **one}),
    "a NUL in a name": lambda message: maps(message, lambda one: {**one, "a\0b": "v"}),
    "half a pair in a name": lambda message: maps(message, lambda one: {**one, "a\udc00": "v"}),
    "a year far ahead": _times("9999-12-31T23:59:59-23:00", 253_402_300_799),
    "a year of five digits": _times("99999-01-01T00:00:00Z", 1e18),
    "before 1970": _times("1969-12-31T23:59:59Z", -1),
    "year 1": _times("0001-01-01T00:00:00Z", -62_135_596_800),
    "year 1 elsewhere": _times("0001-01-01T00:00:00+23:00", -62_135_596_800_000),
    "a day that is none": _times("2026-02-30T25:61:61Z", 1e30),
    "a list around it": lambda message: [message],
    "many of it": lambda message: (message if isinstance(message, list) else [message]) * 300,
}  # fmt: skip


def _doubled(body: bytes) -> bytes:
    """Every key twice, at first with something else."""
    try:
        return _spelled(json.loads(body, object_pairs_hook=_Pairs)).encode()
    except ValueError:
        return body + b"&" + body  # a form, or a mail


class _Pairs(list[tuple[str, Any]]):
    pass


def _spelled(value: Any) -> str:
    if isinstance(value, _Pairs):
        pairs = (f'{json.dumps(name)}: ["first"], {json.dumps(name)}: {_spelled(one)}' for name, one in value)
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_spelled, value)) + "]"
    return json.dumps(value)


def _more(body: bytes, what: bytes) -> bytes:
    """With that at the end of a message."""
    return body.rstrip().removesuffix(b"}") + b", " + what + b"}"


def _deep(body: bytes, depth: int) -> bytes:
    inner = b'{"a":' * depth + b"1" + b"}" * depth
    return _more(body, b'"deep": ' + inner + b', "labels": ' + inner)


def _at_the_first_text(body: bytes, what: bytes) -> bytes:
    """Inside of its first value, where there is one."""
    place = body.find(b'": "') + 4 if b'": "' in body else body.find(b":") + 1
    return body[:place] + what + body[place:]


_BYTES: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "nothing": lambda _: b"",
    "bad UTF-8": lambda body: _at_the_first_text(body, b"\xff\xfe\xc3("),
    "a raw NUL": lambda body: _at_the_first_text(body, b"\0"),
    "cut short": lambda body: body[: len(body) // 2],
    "something after the end": lambda body: body + b"}{",
    "a mark of byte order": lambda body: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body: body.decode("utf-8", "replace").encode("utf-16"),
    "a list without end": lambda _: b"[" * 100_000,
    "an object without end": lambda _: b'{"a":' * 100_000,
    "deep nesting": lambda body: _more(body, b'"deep": ' + b"[" * 100_000 + b"]" * 100_000),
    **{f"{depth} deep": partial(_deep, depth=depth) for depth in (40, 600, 900, 960, 990)},
    "a number of 5,000 digits": lambda body: _more(body, b'"n": 1' + b"0" * 5000),
    "a number that is none": lambda body: _more(body, b'"n": NaN'),
    "an endless number": lambda body: _more(body, b'"n": 1e999'),
    "as large as may be": lambda body: body + b" " * (_LARGEST - len(body)),
    "as long a text as may be": lambda body: _at_the_first_text(body, b"x" * (_LARGEST - len(body))),
    "duplicate keys": _doubled,
    "oversize": lambda body: body + b" " * _LARGEST,
}  # fmt: skip


_FOR_MAIL: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "10,000 headers": lambda body: b"X-Label: v\r\n" * 10_000 + body,
    "every header twice": lambda body: body.partition(b"\r\n\r\n")[0] + b"\r\n" + body,
    "a subject without end": lambda body: b"Subject: " + b"=?utf-8?b?/w==?= " * 5_000 + b"\r\n" + body,
    "year 1 in a mail": lambda body: b"Date: Mon, 01 Jan 0001 00:00:00 +2359\r\n" + body,
    "a year far ahead in a mail": lambda body: b"Date: Fri, 31 Dec 9999 23:59:59 -2359\r\n" + body,
    "before 1970 in a mail": lambda body: b"Date: Wed, 31 Dec 1969 23:59:59 +0000\r\n" + body,
    "mails within mails": lambda body: b"Content-Type: message/rfc822\r\n\r\n" * 3_000 + body,
    "parts without end": lambda body: (
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 20_000 + body
    ),
    "an unknown character set": lambda body: b"Content-Type: text/plain; charset=x-\xff\r\n\r\n\xff" + body,
}

NAMES: Final = (*_JSON, *_BYTES, *_FOR_MAIL)


def made(name: str, kind: str) -> Iterator[bytes]:
    """That, of each message of a source's. What cannot be made of a message is left out."""
    for body in bodies(kind):
        if name in _JSON:
            yield from _of_json(_JSON[name], body)
        elif name in _BYTES:
            yield _BYTES[name](body)
        elif kind == "email_in":
            yield _FOR_MAIL[name](body)


def _of_json(change: Callable[[Any], Any], body: bytes) -> Iterator[bytes]:
    try:
        message = json.loads(body, strict=False)
    except ValueError:
        fields = dict(parse_qsl(body.decode("utf-8", "replace")))
        if fields and b"\n" not in body:
            changed = change(fields)
            if isinstance(changed, dict):
                yield urlencode(changed, errors="surrogatepass", encoding="utf-8").encode()
        return
    yield json.dumps(change(message)).encode()
