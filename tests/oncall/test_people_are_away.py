from datetime import timedelta

import pytest

from tests.oncall.conftest import NOW, actor, at
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.oncall import actions, queries
from tocsin.domain.errors import Invalid, NotFound, PermissionDenied

pytestmark = pytest.mark.usefixtures("rota")
U2 = "u2@x.org"


def test_being_away_takes_nobody_off_call_but_says_what_it_meets() -> None:
    made = actions.add_absence(
        actor=actor("u2"), email=U2.upper(), start=at(1, 0), end=at(5, 0), note="Sea", now=NOW
    )
    assert (made.email, made.note, made.calendar, made.created_by) == (U2, "Sea", None, U2)
    met = [(name, shift.start) for name, shift in made.clashes]
    assert met == [(name, at(day, 12)) for day in (1, 4) for name in ("calm", "web")]
    assert [shift.user for shift in queries.on_call("web", at(1, 13))] == [U2]
    assert [one.id for one in queries.absences(email=U2)] == [made.id]
    actions.remove_absence(actor=actor("u2"), absence_id=made.id, now=NOW)
    assert queries.absences() == ()
    actions_done = AuditEntry.objects.filter(target_label=U2, action__startswith="absence.")
    assert [entry.action for entry in actions_done.order_by("id")] == ["absence.added", "absence.removed"]
    with pytest.raises(NotFound):
        actions.remove_absence(actor=actor("u2"), absence_id=made.id, now=NOW)


def test_those_in_charge_say_it_for_others() -> None:
    for name in ("lead", "mate", "boss"):
        made = actions.add_absence(actor=actor(name), email=U2, start=at(1, 0), end=at(2, 0), now=NOW)
        actions.remove_absence(actor=actor(name), absence_id=made.id, now=NOW)
    own = actions.add_absence(actor=actor("u2"), email=U2, start=at(1, 0), end=at(2, 0), now=NOW)
    with pytest.raises(PermissionDenied):
        actions.add_absence(actor=actor("u1"), email=U2, start=at(1, 0), end=at(2, 0), now=NOW)
    with pytest.raises(PermissionDenied):
        actions.remove_absence(actor=actor("u1"), absence_id=own.id, now=NOW)
    with pytest.raises(PermissionDenied):  # of another team
        actions.add_absence(actor=actor("lead"), email="boss@x.org", start=at(1, 0), end=at(2, 0), now=NOW)


def test_a_stretch_is_asked_for() -> None:
    made = actions.add_absence(actor=actor("u2"), email=U2, start=at(1, 0), end=at(3, 0), now=NOW)
    assert queries.absences(start=at(3, 0)) == ()
    assert queries.absences(end=at(1, 0)) == ()
    assert [one.id for one in queries.absences(start=at(2, 0), end=at(9, 0))] == [made.id]


def test_what_cannot_be_is_refused() -> None:
    for start, end in ((2, 1), (-5, -4), (1, 900)):
        with pytest.raises(Invalid):
            actions.add_absence(actor=actor("u2"), email=U2, start=at(start, 0), end=at(end, 0), now=NOW)
    with pytest.raises(Invalid):
        actions.add_absence(
            actor=actor("u2"), email=U2, start=NOW, end=NOW + timedelta(days=1), note="x" * 256, now=NOW
        )
    with pytest.raises(NotFound):
        actions.add_absence(actor=actor("boss"), email="ghost@x.org", start=NOW, end=at(1, 0), now=NOW)
