"""The stored policies, read."""

import json
from collections.abc import Iterable
from functools import lru_cache

from tocsin.apps.escalation.models import Policy as PolicyRow
from tocsin.domain.configuration.ladder import read_policy
from tocsin.domain.configuration.nodes import from_plain
from tocsin.domain.configuration.problems import Report
from tocsin.domain.configuration.reader import Cursor
from tocsin.domain.escalation.fallbacks import followed
from tocsin.domain.escalation.model import Policy
from tocsin.lib.log import Logger

_log = Logger(__name__)


def find(name: str) -> Policy | None:
    row = PolicyRow.objects.filter(name=name).first()
    return of_row(row) if row else None


def of_row(row: PolicyRow) -> Policy | None:
    """None for what cannot be read any more; that is logged."""
    return _read(row.name, json.dumps(row.definition))


def fallbacks(policies: Iterable[Policy]) -> dict[str, tuple[Policy, ...]]:
    """What each of them freezes, by its name; those that name none cost nothing."""
    naming = [policy for policy in policies if policy.fallback]
    if not naming:
        return {}
    rows = PolicyRow.objects.in_bulk(field_name="name")
    known = {name: found for name, row in rows.items() if (found := of_row(row))}
    return {policy.name: followed(policy, known.get) for policy in naming}


def wrong(name: str, report: Report) -> bool:
    # What is stored was checked when it was stored; the others must go on working.
    if report.errors:
        _log.error("a stored definition cannot be read", definition=name, problem=str(report.errors[0]))
    return bool(report.errors)


@lru_cache(maxsize=4096)
def _read(name: str, text: str) -> Policy | None:
    report = Report()
    found = read_policy(Cursor(from_plain({**json.loads(text), "name": name}, name), "", report))
    return None if wrong(name, report) else found
