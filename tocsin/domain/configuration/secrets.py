"""`{env: NAME}` and `{file: PATH}` in the place of a secret."""

import json
from collections.abc import Callable
from typing import Final

import yaml

from tocsin.domain.configuration.nodes import Entry, Node, Scalar, Sequence, Table
from tocsin.domain.configuration.problems import Report

# Where a secret is kept ("env" or "file") and its name there, to its value; None where there is none.
Secrets = Callable[[str, str], str | None]

_WHERE: Final = ("env", "file")


def _reference(node: Node) -> tuple[str, str] | None:
    if isinstance(node, Table) and len(node.entries) == 1:
        entry = node.entries[0]
        if entry.key in _WHERE and isinstance(entry.value, Scalar):
            return entry.key, entry.value.text
    return None


def filled(node: Node, secrets: Secrets | None, report: Report) -> Node:
    """The tree with every reference replaced. Without `secrets` one is an error: a server never reads its own
    environment because somebody else's file asks for it.
    """
    found = _reference(node)
    if found is not None:
        return _fill(node, *found, secrets, report)
    if isinstance(node, Table):
        entries = tuple(Entry(one.key, one.place, filled(one.value, secrets, report)) for one in node.entries)
        return Table(entries, node.place)
    if isinstance(node, Sequence):
        return Sequence(tuple(filled(item, secrets, report) for item in node.items), node.place)
    return node


def _fill(node: Node, where: str, name: str, secrets: Secrets | None, report: Report) -> Node:
    if secrets is None:
        report.error(node.place, "", f"{{{where}: {name}}} is read where the command runs, not on the server")
        return Scalar("", plain=True, place=node.place)
    value = secrets(where, name)
    if value is None:
        what = "environment variable" if where == "env" else "readable file"
        report.warning(node.place, "", f"there is no {what} {name!r} here; taken as not given")
        return Scalar("", plain=True, place=node.place)
    return Scalar(value, plain=False, place=node.place)


def inlined(text: str, secrets: Secrets) -> str:
    """The text with every reference replaced by its value, line for line, for sending to a server. A
    reference without a value becomes null. Text that is not YAML comes back as it is, for the server to name
    what is wrong with it.
    """
    try:
        spans = _spans(text)
    except (yaml.YAMLError, RecursionError):
        return text
    for start, end, where, name in reversed(spans):
        value = secrets(where, name)
        written = "null" if value is None else json.dumps(value, ensure_ascii=False)
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
