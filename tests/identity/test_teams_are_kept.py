from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity import actions, queries
from tocsin.apps.identity.actions import TeamForm
from tocsin.domain.errors import Conflict, Invalid, NotFound, PermissionDenied
from tocsin.domain.permissions import Actor, Permission, require

FORM = TeamForm(
    name="payments",
    lead="owner@example.com",
    members=("mate@example.com", "Owner@example.com"),
    business_hours={"timezone": "Europe/Berlin", "days": ["mon", "fri"], "start": "10:00", "end": "16:00"},
    holidays=("2026-12-25",),
)


def test_it_keeps_its_people_in_order(owner: Actor, mate: Actor, now: datetime) -> None:
    team = actions.create_team(actor=owner, form=FORM, now=now)
    assert [person.email for person in team.members] == ["mate@example.com", "owner@example.com"]
    assert team.lead == queries.person("owner@example.com")
    assert queries.team("payments") == team == queries.team_by_id(team.id)
    assert [found.name for found in queries.teams_of("mate@example.com")] == ["payments"]


def test_its_hours_are_a_value(owner: Actor, mate: Actor, now: datetime) -> None:
    hours = actions.create_team(actor=owner, form=FORM, now=now).hours()
    assert (hours.zone, hours.start, hours.end) == (ZoneInfo("Europe/Berlin"), time(10), time(16))
    assert hours.days == {0, 4}
    assert hours.holidays == {date(2026, 12, 25)}


def test_without_hours_it_works_in_the_leads_zone(owner: Actor, now: datetime) -> None:
    actions.update_user(actor=owner, email="owner@example.com", timezone="Asia/Tokyo", now=now)
    hours = actions.create_team(actor=owner, form=TeamForm("web", lead="owner@example.com"), now=now).hours()
    assert (hours.zone, hours.start, hours.end) == (ZoneInfo("Asia/Tokyo"), time(9), time(17))
    alone = actions.create_team(actor=owner, form=TeamForm("alone", holidays=("DE-BY",)), now=now).hours()
    assert (alone.zone, alone.country) == (ZoneInfo("UTC"), "DE-BY")


@pytest.mark.parametrize(
    ("field", "form"),
    [
        ("members", replace(FORM, members=("nobody@example.com",))),
        ("lead", replace(FORM, lead="nobody@example.com")),
        ("name", replace(FORM, name=" ")),
        ("name", replace(FORM, name="x" * 129)),
        ("holidays", replace(FORM, holidays=("2026-13-01",))),
        ("holidays", replace(FORM, holidays=("Atlantis",))),
        ("business_hours", replace(FORM, business_hours={"timezone": "Mars/Olympus"})),
        ("business_hours", replace(FORM, business_hours={"days": ["noday"]})),
        ("business_hours", replace(FORM, business_hours={"start": "25:00"})),
    ],
)
def test_it_names_the_wrong_field(
    owner: Actor, mate: Actor, now: datetime, field: str, form: TeamForm
) -> None:
    with pytest.raises(Invalid) as caught:
        actions.create_team(actor=owner, form=form, now=now)
    assert caught.value.errors[0].field == field
    assert queries.teams() == ()


def test_who_may_edit_it(owner: Actor, admin: Actor, mate: Actor, stranger: Actor, now: datetime) -> None:
    actions.create_team(actor=admin, form=FORM, now=now)
    other = actions.create_team(actor=admin, form=TeamForm("other"), now=now)
    for actor in (mate, stranger):
        with pytest.raises(PermissionDenied):
            actions.update_team(actor=actor, name="payments", form=FORM, now=now)
    actions.set_team_admin(actor=owner, team="payments", email="mate@example.com", is_admin=True, now=now)
    team_admin = queries.actor_for(mate.id or 0)
    changed = replace(FORM, description="Takes the money")
    assert actions.update_team(actor=team_admin, name="payments", form=changed, now=now).description
    with pytest.raises(PermissionDenied):
        actions.update_team(actor=team_admin, name="other", form=TeamForm("other"), now=now)
    with pytest.raises(PermissionDenied):
        actions.create_team(actor=team_admin, form=TeamForm("third"), now=now)
    with pytest.raises(PermissionDenied):
        actions.delete_team(actor=team_admin, name="payments", now=now)
    with pytest.raises(PermissionDenied):
        require(team_admin, Permission.EDIT_TEAM, teams=[other.id])


def test_saving_the_same_twice_is_audited_once(owner: Actor, mate: Actor, now: datetime) -> None:
    for _ in range(2):
        actions.save_team(actor=owner, form=FORM, from_file=True, now=now)
    assert AuditEntry.objects.filter(target_kind="team").count() == 1


def test_what_a_file_keeps_is_changed_after_unlocking(owner: Actor, mate: Actor, now: datetime) -> None:
    actions.save_team(actor=owner, form=FORM, from_file=True, now=now)
    with pytest.raises(Conflict, match="unlock"):
        actions.update_team(actor=owner, name="payments", form=FORM, now=now)
    assert not actions.update_team(actor=owner, name="payments", form=FORM, unlock=True, now=now).from_file


def test_who_left_is_in_no_team_and_is_again_when_back(owner: Actor, mate: Actor, now: datetime) -> None:
    form = replace(FORM, manager="mate@example.com")
    actions.create_team(actor=owner, form=form, now=now)
    actions.deactivate_user(actor=owner, email="mate@example.com", now=now)
    team = queries.team("payments")
    assert team is not None
    assert team.manager is None
    assert [person.email for person in team.members] == ["owner@example.com"]
    actions.reactivate_user(actor=owner, email="mate@example.com", now=now)
    back = queries.team("payments")
    assert back is not None
    assert len(back.members) == 2


def test_a_name_is_taken_once(owner: Actor, mate: Actor, now: datetime) -> None:
    actions.create_team(actor=owner, form=FORM, now=now)
    actions.create_team(actor=owner, form=TeamForm("web"), now=now)
    with pytest.raises(Conflict):
        actions.create_team(actor=owner, form=FORM, now=now)
    with pytest.raises(Conflict):
        actions.update_team(actor=owner, name="web", form=FORM, now=now)
    actions.delete_team(actor=owner, name="web", now=now)
    with pytest.raises(NotFound):
        actions.delete_team(actor=owner, name="web", now=now)
