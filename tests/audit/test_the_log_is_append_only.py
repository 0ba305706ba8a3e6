from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from tocsin.apps.audit import actions, queries
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.audit.types import AuditFilter
from tocsin.domain.errors import Invalid, PermissionDenied
from tocsin.domain.permissions import SYSTEM, Actor, ActorKind, Role

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OBSERVER = Actor(ActorKind.USER, "Olive", Role.OBSERVER, id=7, email="olive@example.com")

pytestmark = pytest.mark.django_db


def _record(action: str = "team.created", target: object = 1) -> None:
    actions.record(
        actor=SYSTEM, action=action, target_kind="team", target_id=target, target_label="web", now=NOW
    )


def test_the_database_refuses_to_change_an_entry() -> None:
    _record()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEntry.objects.update(action="nothing")


def test_the_database_refuses_to_delete_an_entry() -> None:
    _record()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEntry.objects.all().delete()


def test_the_database_refuses_to_truncate_the_log() -> None:
    _record()
    with connection.cursor() as cursor:
        # The tests' own set-up turned it off, to be able to clean up.
        cursor.execute("ALTER TABLE audit_auditentry ENABLE TRIGGER audit_no_truncate")
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("TRUNCATE audit_auditentry")


def test_it_lists_newest_first_and_page_by_page() -> None:
    for number in range(5):
        _record(target=number)
    first = queries.entries(actor=SYSTEM, limit=3)
    rest = queries.entries(actor=SYSTEM, cursor=first.next_cursor, limit=3)
    assert [entry.target_id for entry in first.items + rest.items] == ["4", "3", "2", "1", "0"]
    assert rest.next_cursor is None


def test_it_filters_by_action_and_by_who() -> None:
    _record("team.created")
    _record("user.invited")
    found = queries.entries(actor=SYSTEM, filters=AuditFilter(action="user.*", by="tocsin"))
    assert [entry.action for entry in found.items] == ["user.invited"]
    assert queries.entries(actor=SYSTEM, filters=AuditFilter(by="nobody")).items == ()


def test_it_is_not_for_everybody() -> None:
    with pytest.raises(PermissionDenied):
        queries.entries(actor=OBSERVER)


@pytest.mark.parametrize("cursor", ["x", "-1", "99999999999999999999999", "²"])
def test_it_names_a_cursor_that_no_list_gave_out(cursor: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        queries.entries(actor=SYSTEM, cursor=cursor)
