"""YAML text as a tree that keeps every scalar as it was written, and where.

YAML's own guesses are not used: `10:00` would be the number 600, `no` a boolean and `+15550100` a number.
What a scalar means is for the schema to say, which knows what it expects there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import yaml

from tocsin.domain.configuration.problems import Place

MAX_BYTES: Final = 4 * 1024 * 1024
_MAX_DEPTH: Final = 80
# Counted as written out: an alias weighs as much as what it stands for, so that a short text cannot unfold
# into a huge one.
_MAX_NODES: Final = 500_000
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class SyntaxProblem(Exception):
    def __init__(self, place: Place, message: str) -> None:
        self.place, self.message = place, message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Scalar:
    text: str
    plain: bool  # without quotation marks
    place: Place

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in _NULLS


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    place: Place
    value: "Node"


@dataclass(frozen=True, slots=True)
class Table:
    """A YAML mapping."""

    entries: tuple[Entry, ...]
    place: Place

    def get(self, key: str) -> "Node | None":
        return next((entry.value for entry in self.entries if entry.key == key), None)


Node = Scalar | Sequence | Table


def documents(file: str, text: str) -> Iterator[Node]:
    """The documents of one file that hold anything. Raises SyntaxProblem."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise SyntaxProblem(Place(file, 1), f"a file is at most {MAX_BYTES // 1024 // 1024} MiB")
    try:
        builder = _Builder(file)
        for event in yaml.parse(text, Loader=_Loader):
            document = builder.take(event)
            if document is not None and not (isinstance(document, Scalar) and document.is_null):
                yield document
    except yaml.MarkedYAMLError as error:
        marks = [mark.line + 1 for mark in (error.problem_mark, error.context_mark) if mark is not None]
        line = next(iter(marks), 1)
        raise SyntaxProblem(Place(file, line), f"not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise SyntaxProblem(Place(file, 1), f"not YAML: {error}".splitlines()[0]) from error


def from_plain(value: object, name: str) -> Node:
    """Plain JSON values, such as a stored definition, as a tree; `name` stands for the file."""
    place = Place(name, 0)
    if isinstance(value, dict):
        entries = (Entry(str(key), place, from_plain(entry, name)) for key, entry in value.items())
        return Table(tuple(entries), place)
    if isinstance(value, list | tuple):
        return Sequence(tuple(from_plain(entry, name) for entry in value), place)
    if value is None:
        return Scalar("", plain=True, place=place)
    if isinstance(value, bool):
        return Scalar("true" if value else "false", plain=True, place=place)
    return Scalar(str(value), plain=not isinstance(value, str), place=place)


class _Open:
    """A collection that is still being read."""

    def __init__(self, place: Place, anchor: str | None, *, is_table: bool) -> None:
        self.place, self.anchor, self.is_table = place, anchor, is_table
        self.children: list[Node] = []
        self.weight = 1


class _Builder:
    """Builds from events, without recursion: depth is checked instead of overflowing a stack."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}

    def take(self, event: yaml.Event) -> Node | None:
        """The document that `event` completes, if it does."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._anchors = {}
            return None
        if not isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            return None
        place = Place(self._file, 1 if event.start_mark is None else event.start_mark.line + 1)
        if isinstance(event, yaml.CollectionEndEvent):
            done = self._stack.pop()
            return self._add(self._close(done), done.weight, done.anchor, done.place)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise SyntaxProblem(place, f"*{event.anchor} stands for nothing written before it")
            node, weight = self._anchors[event.anchor]
            return self._add(node, weight, None, place)
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            raise SyntaxProblem(place, f"the tag {tag!r} means nothing here")
        if isinstance(event, yaml.ScalarEvent):
            scalar = Scalar(event.value, plain=not event.style, place=place)
            return self._add(scalar, 1, event.anchor, place)
        if len(self._stack) >= _MAX_DEPTH:
            raise SyntaxProblem(place, f"nested more than {_MAX_DEPTH} deep")
        self._stack.append(_Open(place, event.anchor, is_table=isinstance(event, yaml.MappingStartEvent)))
        return None

    def _add(self, node: Node, weight: int, anchor: str | None, place: Place) -> Node | None:
        if anchor is not None:
            self._anchors[anchor] = (node, weight)
        if weight > _MAX_NODES:
            raise SyntaxProblem(place, "too much for one file")
        if not self._stack:
            return node
        self._stack[-1].children.append(node)
        self._stack[-1].weight += weight
        return None

    def _close(self, done: _Open) -> Node:
        if not done.is_table:
            return Sequence(tuple(done.children), done.place)
        entries: dict[str, Entry] = {}
        merged: list[Node] = []
        for key, value in zip(done.children[::2], done.children[1::2], strict=True):
            if not isinstance(key, Scalar):
                raise SyntaxProblem(key.place, "expected a name before the colon")
            if key.text == "<<" and key.plain:
                merged.append(value)
                continue
            if key.text in entries:
                raise SyntaxProblem(key.place, f"{key.text!r} is said twice here")
            entries[key.text] = Entry(key.text, key.place, value)
        for node in merged:
            for table in node.items if isinstance(node, Sequence) else (node,):
                if not isinstance(table, Table):
                    raise SyntaxProblem(node.place, "<< takes an alias of a mapping")
                for entry in table.entries:
                    entries.setdefault(entry.key, entry)
        return Table(tuple(entries.values()), done.place)
