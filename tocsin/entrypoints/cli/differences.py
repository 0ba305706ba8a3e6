"""What changed between two plain values, as lines that people read: only what left, came or is another."""

import json
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any


def differences(path: str, before: Any, after: Any) -> Iterator[str]:
    """Scalars as `path: old → new`; of lists the elements that left (`-`, with the index they had) and came
    (`+`, with the index they have), and how many stay as they are.
    """
    if before == after:
        yield f"{path}: a secret changes"  # so the server says, which hides it
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            if before.get(key) != after.get(key):
                yield from differences(f"{path}.{key}", before.get(key), after.get(key))
    elif isinstance(before, list) or isinstance(after, list):
        yield from _elements(path, _listed(before), _listed(after))
    else:
        yield f"{path}: {short(before)} → {short(after)}"


def _elements(path: str, before: list[Any], after: list[Any]) -> Iterator[str]:
    found: list[str] = []
    same = 0
    keys = [[json.dumps(item, sort_keys=True) for item in items] for items in (before, after)]
    matcher = SequenceMatcher(a=keys[0], b=keys[1], autojunk=False)
    for kind, left, left_end, came, came_end in matcher.get_opcodes():
        if kind == "equal":
            same += left_end - left
            continue
        old, new = before[left:left_end], after[came:came_end]
        if len(old) == len(new) and all(map(_alike, old, new)):
            for number, pair in enumerate(zip(old, new, strict=True), came):
                found.extend(differences(f"{path}[{number}]", *pair))
            continue
        found.extend(f"- {path}[{number}]: {short(item)}" for number, item in enumerate(old, left))
        found.extend(f"+ {path}[{number}]: {short(item)}" for number, item in enumerate(new, came))
    yield f"{path}: {same} unchanged" if same else f"{path}:"
    yield from (f"  {line}" for line in found)


def _alike(old: Any, new: Any) -> bool:
    """Whether they are one thing that changed, rather than one that left and one that came."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return False
    return any(key in new and new[key] == value for key, value in old.items())


def _listed(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def short(value: Any) -> str:
    """On one line."""
    if value is None:
        return "—"
    if isinstance(value, list):
        return "[" + ", ".join(short(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {short(item)}" for key, item in value.items()) + "}"
    return str(value)
