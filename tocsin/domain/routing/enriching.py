"""What a route adds to an alert on its way down: labels, a severity, a summary, a link to a runbook."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tocsin.domain.expression import Facts, Template, as_text
from tocsin.domain.routing.tree import Extract, Lookup, Route, Tables
from tocsin.domain.severity import Severity, choose

MOST_LABELS: Final = 256
_LONGEST: Final = 2048
# What the platform itself says of an event: no route rewrites it.
FIXED: Final = frozenset({"integration", "kind", "dedup_key", "summary", "source"})


@dataclass(frozen=True)
class Enriched:
    """`added` are labels; `steps` tell what was done, or why not."""

    added: Mapping[str, str] = field(default_factory=dict)
    severity: Severity | None = None
    summary: str = ""
    runbook: str = ""
    steps: tuple[str, ...] = ()


def enrich(route: Route, facts: Facts, seen: Mapping[str, str], tables: Tables) -> Enriched:
    """First extracted, then looked up, then set: each sees what those before it added."""
    work = _Work(facts, dict(seen), tables)
    for extract in route.extract:
        work.extract(extract)
    for lookup in route.lookup:
        work.look_up(lookup)
    return work.settings(route)


class _Work:
    def __init__(self, facts: Facts, labels: dict[str, str], tables: Tables) -> None:
        self._facts = facts
        self._labels = labels
        self._tables = tables
        self._added: dict[str, str] = {}
        self._steps: list[str] = []

    def _add(self, pairs: Mapping[str, str], how: str) -> None:
        given = {name: value[:_LONGEST] for name, value in pairs.items() if value and name not in FIXED}
        if given and len(self._added) + len(given) <= MOST_LABELS:
            # Another dictionary: expressions keep the labels of the one they saw.
            self._labels = {**self._labels, **given}
            self._added.update(given)
        shown = ", ".join(f"{name}={value[:60]}" for name, value in given.items())
        self._steps.append(f"{how}: {shown or 'nothing'}")

    def extract(self, extract: Extract) -> None:
        found = extract.source.value(self._facts, self._labels)
        text = as_text(found.value)
        if not text:
            reason = found.problem or "it is no text"
            self._steps.append(f"nothing extracted from {extract.source.text}: {reason}")
            return
        groups = extract.extractor.search(text)
        if groups is None:
            self._steps.append(
                f"nothing extracted from {extract.source.text}: {extract.regex} does not match"
            )
            return
        self._add(groups, f"extracted from {extract.source.text}")

    def look_up(self, lookup: Lookup) -> None:
        table = self._tables.get(lookup.table)
        values = tuple(self._labels.get(name, "") for name in lookup.key)
        row = table.row(lookup.key, values) if table is not None else None
        asked = ", ".join(
            f"{name}={value or '(absent)'}" for name, value in zip(lookup.key, values, strict=True)
        )
        if row is None:
            why = "has no row for" if table is not None else "does not exist; asked for"
            self._steps.append(f"table {lookup.table} {why} {asked}")
            return
        columns = lookup.columns or tuple((name, name) for name in row if name not in lookup.key)
        pairs = {label: row.get(column, "") for label, column in columns}
        self._add(pairs, f"table {lookup.table} for {asked}")

    def settings(self, route: Route) -> Enriched:
        wanted = route.settings
        for name, template in wanted.labels:
            found = template.render(self._facts, self._labels)
            if found.value is None:
                self._steps.append(f"{name} is not set: {found.problem}")
            else:
                self._add({name: found.value}, "set")
        severity = self._severity(route)
        summary = self._text("summary", wanted.summary)
        runbook = self._text("runbook", wanted.runbook)
        return Enriched(self._added, severity, summary, runbook, tuple(self._steps))

    def _text(self, what: str, template: Template | None) -> str:
        if template is None:
            return ""
        found = template.render(self._facts, self._labels)
        if found.value is None:
            self._steps.append(f"{what} is not set: {found.problem}")
            return ""
        self._steps.append(f"{what} set: {found.value[:120]}")
        return str(found.value)

    def _severity(self, route: Route) -> Severity | None:
        word = self._text("severity", route.settings.severity)
        if not word:
            return None
        severity = choose(payload=word, service=None).severity if _known(word) else None
        if severity is None:
            self._steps.append(f"“{word[:40]}” is no severity")
        return severity


def _known(word: str) -> bool:
    """Whether the word says a severity by itself: `choose` would take another for SEV2."""
    return choose(payload=word, service=Severity.SEV4).severity == choose(payload=word).severity
