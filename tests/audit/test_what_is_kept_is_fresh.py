"""A change is seen at once, also one whose entry is older than another that was seen before it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin.apps.audit import fresh
from tocsin.apps.audit.models import AuditEntry

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def entry(**fields: Any) -> AuditEntry:
    return AuditEntry.objects.create(
        at=NOW, actor_kind="user", actor_label="ann", action="a.b", target_kind="c", target_id="1", **fields
    )


@pytest.mark.django_db
def test_an_older_entry_that_commits_later_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh._enabled, "is_set", lambda: True)
    loads: list[datetime] = []

    def load(at: datetime) -> int:
        loads.append(at)
        return len(loads)

    kept = fresh.Fresh(load)
    newest = entry()
    assert (kept.get(NOW), kept.get(NOW)) == (1, 1)
    entry(id=newest.pk + 2)
    assert (kept.get(NOW), kept.get(NOW)) == (2, 2)
    entry(id=newest.pk + 1)
    assert kept.get(NOW) == 3
