"""Expressions and templates over one event, in CEL (https://cel.dev): Google's language for conditions, which
always ends and changes nothing.

An expression sees three names: `labels`, `payload` (what the tool itself sent, as JSON has it) and `event`
(`summary`, `source`, `severity`, `action`, `dedup_key`, `integration`, `kind`). What is missing makes a
condition false, with the reason beside it, never an error: the next event may well have it. A template is
text with expressions in `{{ … }}`.
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import cel

from tocsin.domain.cel_text import LOOP, check_names, code_of
from tocsin.domain.signal import Signal

_LONGEST: Final = 2048
_NAMES: Final = frozenset({"labels", "payload", "event"})
_HOLE: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_LABEL: Final = re.compile(r"labels\.([A-Za-z_]\w*)")  # by far the most common; needs no interpreter
_DEEPEST_LOOP: Final = 2
_LONGEST_LIST: Final = 1000  # a loop in a loop then ends within a moment
_DEEPEST: Final = 32
_LONGEST_TEXT: Final = 1024


@dataclass
class Facts:
    """One event as expressions see it. The labels are those of the moment: routes add to them."""

    event: Mapping[str, str]
    payload: Mapping[str, Any] = field(default_factory=dict)
    _context: Any = field(default=None, repr=False)
    _labels: Any = field(default=None, repr=False)

    def context(self, labels: Mapping[str, str]) -> Any:
        if self._context is None:
            event, payload = dict(self.event), bounded(self.payload)
            self._context = cel.Context(variables={"event": event, "payload": payload})
        if self._labels is not labels:
            self._context.add_variable("labels", dict(labels))
            self._labels = labels
        return self._context


def facts_of(signal: Signal, *, integration: str, kind: str) -> Facts:
    event = {
        "summary": signal.summary,
        "source": signal.source,
        "severity": signal.severity or "",
        "action": str(signal.action),
        "dedup_key": signal.dedup_key,
        "integration": integration,
        "kind": kind,
    }
    return Facts(event, signal.details)


def bounded(value: Any, depth: int = 0) -> Any:
    """The value with its longest lists and mappings and its deepest branches cut off."""
    if isinstance(value, str | int | float | bool) or value is None:
        # CEL counts in 64 bits.
        return value if not isinstance(value, int) or -(2**63) <= value < 2**63 else float(value)
    if depth >= _DEEPEST:
        return None
    if isinstance(value, Mapping):
        first = itertools.islice(value.items(), _LONGEST_LIST)
        return {str(name): bounded(each, depth + 1) for name, each in first}
    if isinstance(value, list | tuple):
        return [bounded(each, depth + 1) for each in value[:_LONGEST_LIST]]
    return str(value)


@dataclass(frozen=True)
class Found:
    """`value` None: nothing was found, for `problem`."""

    value: Any
    problem: str = ""


@dataclass(frozen=True)
class Expression:
    """Made by `parse_expression`."""

    text: str

    def holds(self, facts: Facts, labels: Mapping[str, str]) -> tuple[bool, str]:
        """Whether it does; and why not, where something is missing or is no yes or no."""
        found = self.value(facts, labels)
        if isinstance(found.value, bool):
            return found.value, ""
        return False, found.problem or f"it gives {_shown(found.value)}, not true or false"

    def value(self, facts: Facts, labels: Mapping[str, str]) -> Found:
        label = _LABEL.fullmatch(self.text)
        if label is not None:
            given = labels.get(label[1])
            return Found(given) if given else Found(None, f"there is no {label[1]}")
        try:
            return Found(_program(self.text).execute(facts.context(labels)))
        except KeyError as error:
            return Found(None, f"there is no {str(error.args[0])[:80] if error.args else 'such key'}")
        except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
            return Found(None, f"it cannot be worked out: {str(error)[:120]}")


@lru_cache(maxsize=4096)
def _program(text: str) -> Any:
    return cel.compile(text)


def parse_expression(text: str) -> Expression:
    """Raises ValueError, which says what is wrong."""
    text = text.strip()
    if not text or len(text) > _LONGEST:
        msg = f"expected an expression of at most {_LONGEST} characters"
        raise ValueError(msg)
    code = code_of(text)
    try:
        _program(text)
    except ValueError as error:
        lines = str(error).replace("ERROR: <input>:1:", "at character ").splitlines()
        msg = f"expected an expression: {lines[0][:300] if lines else error}"
        raise ValueError(msg) from error
    check_names(code, _NAMES, "an expression sees `labels`, `payload` and `event`")
    if _loops(code) > _DEEPEST_LOOP:
        msg = f"a loop (exists, all, map, filter) inside a loop, more than {_DEEPEST_LOOP} deep"
        raise ValueError(msg)
    return Expression(text)


def _loops(code: str) -> int:
    """How deep loops stand inside loops."""
    opens = {found.start("open") for found in LOOP.finditer(code)}
    stack: list[bool] = []
    deepest = 0
    for position, char in enumerate(code):
        if char == "(":
            stack.append(position in opens)
            deepest = max(deepest, sum(stack))
        elif char == ")" and stack:
            stack.pop()
    return deepest


@dataclass(frozen=True)
class Template:
    """Made by `parse_template`. `parts` are pieces of text and expressions in turn."""

    text: str
    parts: tuple[str | Expression, ...]

    def render(self, facts: Facts, labels: Mapping[str, str]) -> Found:
        """The text; None where any of its expressions finds nothing."""
        pieces = []
        for part in self.parts:
            if isinstance(part, str):
                pieces.append(part)
                continue
            found = part.value(facts, labels)
            piece = as_text(found.value)
            if not piece:
                return Found(None, found.problem or f"{{{{ {part.text} }}}} is {_shown(found.value)}")
            pieces.append(piece)
        return Found("".join(pieces)[:_LONGEST_TEXT].replace("\0", ""))

    def __str__(self) -> str:
        return self.text


def parse_template(text: str) -> Template:
    """Raises ValueError."""
    if len(text) > _LONGEST:
        msg = f"a template has at most {_LONGEST} characters"
        raise ValueError(msg)
    parts: list[str | Expression] = []
    end = 0
    for hole in _HOLE.finditer(text):
        if hole.start() > end:
            parts.append(text[end : hole.start()])
        parts.append(parse_expression(hole[1]))
        end = hole.end()
    if end < len(text):
        parts.append(text[end:])
    if any("{{" in part or "}}" in part for part in parts if isinstance(part, str)):
        msg = "a `{{` without its `}}`, or the other way round"
        raise ValueError(msg)
    return Template(text, tuple(parts))


def as_text(value: Any) -> str:
    """A single value as a label would hold it; "" for what is no single value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) else ""


def _shown(value: Any) -> str:
    return "nothing" if value is None or value == "" else repr(value)[:80]
