"""`{env: NAME}` and `{file: PATH}` in the place of a secret."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import yaml

from tocsin.domain.configuration.nodes import (
    Entry,
    Node,
    Scalar,
    Sequence,
    SyntaxProblem,
    Table,
    documents,
)
from tocsin.domain.configuration.problems import Problem, Report

# Where a secret is kept ("env" or "file") and its name there, to its value; None where there is none.
Secrets = Callable[[str, str], str | None]

_WHERE: Final = ("env", "file")


def _reference(node: Node) -> tuple[str, str] | None:
    if isinstance(node, Table) and len(node.entries) == 1:
        entry = node.entries[0]
        if entry.key in _WHERE and isinstance(entry.value, Scalar):
            return entry.key, entry.value.text
    return None


class Filler:
    """Replaces references. Without `secrets` one is an error: a server never reads its own environment
    because somebody else's file asks for it. One that has no value is an error too where it is `needed`,
    because what is not said would replace what is there; else it is a warning.
    """

    def __init__(self, secrets: Secrets | None, report: Report, *, needed: bool = False) -> None:
        self._secrets = secrets
        self._report = report
        self._needed = needed

    def filled(self, node: Node, path: str = "") -> Node:
        found = _reference(node)
        if found is not None:
            return self._fill(node, path, *found)
        if isinstance(node, Table):
            entries = (
                Entry(one.key, one.place, self.filled(one.value, f"{path}.{one.key}" if path else one.key))
                for one in node.entries
            )
            return Table(tuple(entries), node.place)
        if isinstance(node, Sequence):
            items = (self.filled(item, f"{path}[{number}]") for number, item in enumerate(node.items))
            return Sequence(tuple(items), node.place)
        return node

    def _fill(self, node: Node, path: str, where: str, name: str) -> Node:
        nothing = Scalar("", plain=True, place=node.place)
        if self._secrets is None:
            message = f"{{{where}: {name}}} is read where the command runs, not on the server"
            self._report.error(node.place, path, message)
            return nothing
        value = self._secrets(where, name)
        if value is not None:
            return Scalar(value, plain=False, place=node.place)
        what = "environment variable" if where == "env" else "readable file"
        if self._needed:
            self._report.error(node.place, path, f"there is no {what} {name!r} here")
        else:
            self._report.warning(node.place, path, f"there is no {what} {name!r} here; taken as not given")
        return nothing


def lacking(files: Mapping[str, str], secrets: Secrets) -> tuple[Problem, ...]:
    """References of the files that have no value. What is not YAML is left for the reader to name."""
    report = Report()
    filler = Filler(secrets, report, needed=True)
    for name in sorted(files):
        with suppress(SyntaxProblem):
            for document in documents(name, files[name]):
                filler.filled(document)
    return report.errors


def inlined(text: str, secrets: Secrets) -> str:
    """The text with every reference replaced by its value, line for line, for sending to a server. A
    reference without a value (see `lacking`) stays, and so does text that is not YAML, for the server to name
    what is wrong with it.
    """
    try:
        spans = _spans(text)
    except (yaml.YAMLError, RecursionError):
        return text
    for start, end, where, name in reversed(spans):
        value = secrets(where, name)
        if value is None:
            continue
        written = json.dumps(value, ensure_ascii=False)
        given = text[start:end]
        kept = given[len(given.rstrip()) :]
        lines = given.rstrip().count("\n")
        text = text[:start] + written + "\n" * lines + kept + text[end:]
    return text


def _spans(text: str) -> list[tuple[int, int, str, str]]:
    """Start and end of each reference in the text, with what it asks for."""
    found: list[tuple[int, int, str, str]] = []
    window: list[yaml.Event] = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        window = [*window[-3:], event]
        if len(window) == 4 and _is_reference(window):  # noqa: PLR2004 - start, key, value, end
            key, value = (entry.value for entry in window[1:3] if isinstance(entry, yaml.ScalarEvent))
            start, end = window[0].start_mark, event.end_mark
            if start is not None and end is not None:
                found.append((start.index, end.index, key, value))
    return found


def _is_reference(window: list[yaml.Event]) -> bool:
    opening, key, value, closing = window
    return (
        isinstance(opening, yaml.MappingStartEvent)
        and isinstance(key, yaml.ScalarEvent)
        and key.value in _WHERE
        and isinstance(value, yaml.ScalarEvent)
        and isinstance(closing, yaml.MappingEndEvent)
    )
