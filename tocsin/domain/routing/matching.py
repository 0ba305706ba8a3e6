"""Matchers: one label compared with one value (`=`, `!=`, `=~`, `!~`), as Alertmanager writes them. A regular
expression must match the whole value; a label that is absent counts as empty.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from tocsin.domain.pattern import Pattern, compile_pattern

_LONGEST: Final = 2048
_MOST_WORDS: Final = 64
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:/-]*")
_MATCHER: Final = re.compile(
    r'\s*("(?:[^"\\]|\\.)*"|[a-zA-Z_][a-zA-Z0-9_.:/-]*)\s*(=~|!~|!=|==?)\s*(.*?)\s*', re.DOTALL
)
_ESCAPES: Final = {"n": "\n", "t": "\t", "\\": "\\", '"': '"'}
_WORDS: Final = re.compile(r"[\w /:@-]+(\|[\w /:@-]+)*")  # `a|b|c`: nothing in it means more than itself


class Op(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    MATCHES_NOT = "!~"


@dataclass(frozen=True)
class Matcher:
    """Made by `parse_matcher`; `value` of a regular expression is known to compile."""

    name: str
    op: Op
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        actual = labels.get(self.name, "")
        if self.op is Op.EQUAL:
            return actual == self.value
        if self.op is Op.NOT_EQUAL:
            return actual != self.value
        return _pattern(self.value).matches(actual) is (self.op is Op.MATCHES)

    @property
    def values(self) -> tuple[str, ...]:
        """The only values it holds for, none of them empty; () where that cannot be listed."""
        if self.op is Op.EQUAL and self.value:
            return (self.value,)
        if self.op is Op.MATCHES and _WORDS.fullmatch(self.value):
            words = self.value.split("|")
            return tuple(dict.fromkeys(words)) if len(words) <= _MOST_WORDS else ()
        return ()

    def __str__(self) -> str:
        name = self.name if _NAME.fullmatch(self.name) else _quoted(self.name)
        return f"{name}{self.op}{_quoted(self.value)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@lru_cache(maxsize=4096)
def _pattern(text: str) -> Pattern:
    return compile_pattern(text)


def parse_matcher(text: str) -> Matcher:
    """Read `team="payments"`, `severity=~"critical|page"`, `env!=dev`. Raises ValueError saying what was
    expected.
    """
    found = _MATCHER.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        msg = 'expected a matcher such as team="payments", severity=~"critical|page" or env!="dev"'
        raise ValueError(msg)
    name, op, raw = found.groups()
    matcher = Matcher(_unquote(name), Op("=" if op == "==" else op), _unquote(raw))
    if not matcher.name:
        msg = "a matcher needs the name of a label"
        raise ValueError(msg)
    if matcher.op in {Op.MATCHES, Op.MATCHES_NOT}:
        _pattern(matcher.value)
    return matcher


def _unquote(raw: str) -> str:
    if not raw.startswith('"'):
        if '"' in raw:
            msg = "a value with a quotation mark in it must be quoted as a whole"
            raise ValueError(msg)
        return raw
    if re.fullmatch(r'"(?:[^"\\]|\\.)*"', raw, re.DOTALL) is None:
        msg = "the quoted value does not end where the matcher ends"
        raise ValueError(msg)
    # As in Alertmanager, a backslash before anything but n, t, " and \ stands for itself: regular
    # expressions stay legible.
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), raw[1:-1], flags=re.DOTALL)
