"""The events file of `simulate`: JSON lines, each one thing that happens."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from tocsin.domain.configuration.reader import did_you_mean
from tocsin.domain.severity import Severity
from tocsin.domain.signal import EventAction, Signal
from tocsin.domain.simulation import Acknowledge, Happening, Resolve, SetSeverity, Trigger
from tocsin.entrypoints.cli.output import BadInput

_LONGEST_KEY: Final = 512
_KEYS: Final = {
    "trigger": {"at", "integration", "trigger"},
    "resolve": {"at", "integration", "resolve"},
    "acknowledge": {"at", "acknowledge", "by"},
    "severity": {"at", "severity", "of"},
}
_TRIGGER_KEYS: Final = {"dedup_key", "summary", "severity", "labels", "source", "group_key", "details"}


def read_events(file: str, text: str) -> Iterator[Happening]:
    """Raises BadInput, naming file, line and field. A time without an offset is UTC."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{file}:{number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{where}: not JSON: {error}") from error
        yield event_of(where, row)


def event_of(where: str, row: object) -> Happening:
    """Raises BadInput, which begins with `where`."""
    if not isinstance(row, dict):
        raise BadInput(f'{where}: expected an object such as {{"at": …, "integration": …, "trigger": …}}.')
    return _Line(where, row).happening()


class _Line:
    def __init__(self, where: str, row: dict[str, Any]) -> None:
        self._where = where
        self._row = row

    def happening(self) -> Happening:
        kinds = [kind for kind in _KEYS if kind in self._row]
        if len(kinds) != 1:
            raise self._wrong("", "expected one of `trigger`, `resolve`, `acknowledge` and `severity`")
        self._only(self._row, _KEYS[kinds[0]], "")
        at = self._instant("at")
        if kinds[0] == "trigger":
            return Trigger(at, self._text("integration"), self._signal(at))
        if kinds[0] == "resolve":
            return Resolve(at, self._text("integration"), self._text("resolve", _LONGEST_KEY))
        if kinds[0] == "acknowledge":
            return Acknowledge(at, self._text("acknowledge", _LONGEST_KEY), self._text("by").lower())
        return SetSeverity(at, self._text("of", _LONGEST_KEY), self._severity())

    def _signal(self, at: datetime) -> Signal:
        given = self._row["trigger"]
        if not isinstance(given, dict):
            raise self._wrong("trigger", "expected an object with `dedup_key` and `summary`")
        self._only(given, _TRIGGER_KEYS, "trigger.")
        inner = _Line(f"{self._where}: trigger", given)
        labels = {} if given.get("labels") is None else given["labels"]
        if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
            raise self._wrong("trigger.labels", "expected an object whose values are text")
        return Signal(
            action=EventAction.TRIGGER,
            dedup_key=inner._text("dedup_key", _LONGEST_KEY),
            summary=inner._text("summary") if given.get("summary") is not None else "",
            severity=inner._text("severity") if given.get("severity") is not None else None,
            labels=labels,
            source=inner._text("source") if given.get("source") else "",
            group_key=inner._text("group_key") if given.get("group_key") else "",
            details=self._details(given),
            started_at=at,
        )

    def _details(self, given: dict[str, Any]) -> dict[str, Any]:
        details = given.get("details") or {}
        if not isinstance(details, dict):
            raise self._wrong("trigger.details", "expected an object")
        return details

    def _severity(self) -> Severity:
        word = self._text("severity").upper()
        if word not in Severity.__members__:
            raise self._wrong("severity", "expected one of SEV1, SEV2, SEV3, SEV4")
        return Severity[word]

    def _instant(self, key: str) -> datetime:
        try:
            found = datetime.fromisoformat(self._text(key))
        except ValueError as error:
            raise self._wrong(key, "expected a time such as 2026-11-23T12:00:00Z") from error
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)

    def _text(self, key: str, longest: int | None = None) -> str:
        value = self._row.get(key)
        if not isinstance(value, str) or not value:
            raise self._wrong(key, "is missing: expected text" if value is None else "expected text")
        if longest is not None and len(value) > longest:
            raise self._wrong(key, f"expected at most {longest} characters")
        return value

    def _only(self, row: dict[str, Any], known: set[str], path: str) -> None:
        for key in row:
            if key not in known:
                raise self._wrong(f"{path}{key}", "unknown key" + did_you_mean(key, dict.fromkeys(known)))

    def _wrong(self, field: str, message: str) -> BadInput:
        return BadInput(f"{self._where}: {field}: {message}" if field else f"{self._where}: {message}")
