from datetime import datetime, timedelta

import pytest

from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity import actions, queries
from tocsin.apps.identity.models import User
from tocsin.domain.errors import Conflict, Invalid, NotFound, PermissionDenied
from tocsin.domain.permissions import SYSTEM, Actor, Role

PASSWORD = "a long enough passphrase"


def _join(email: str, now: datetime) -> None:
    token = actions.invitation_token(actor=SYSTEM, email=email, now=now)
    actions.accept_invitation(token=token, password=PASSWORD, now=now)


def test_an_address_is_one_person_however_it_is_typed(owner: Actor, now: datetime) -> None:
    person = actions.invite_user(actor=owner, email=" New@Example.COM ", now=now)
    assert person.email == "new@example.com"
    assert queries.person("NEW@example.com") == person
    with pytest.raises(Conflict):
        actions.invite_user(actor=owner, email="nEw@example.com", now=now)


@pytest.mark.parametrize("email", ["", "x", "a@b", "a b@example.com", f"{'a' * 250}@example.com"])
def test_it_wants_an_address(owner: Actor, now: datetime, email: str) -> None:
    with pytest.raises(Invalid) as caught:
        actions.invite_user(actor=owner, email=email, now=now)
    assert caught.value.errors[0].field == "email"


def test_it_wants_a_time_zone_that_exists(owner: Actor, now: datetime) -> None:
    with pytest.raises(Invalid, match="timezone"):
        actions.invite_user(actor=owner, email="a@example.com", timezone="Mars/Olympus", now=now)


def test_who_may_invite(owner: Actor, admin: Actor, mate: Actor, stranger: Actor, now: datetime) -> None:
    actions.invite_user(actor=admin, email="a@example.com", now=now)
    with pytest.raises(PermissionDenied):
        actions.invite_user(actor=admin, email="b@example.com", role=Role.OWNER, now=now)
    for actor in (mate, stranger):
        with pytest.raises(PermissionDenied):
            actions.invite_user(actor=actor, email="c@example.com", now=now)
    actions.invite_user(actor=owner, email="d@example.com", role=Role.OWNER, now=now)


def test_an_invitation_sets_a_password_once(owner: Actor, now: datetime) -> None:
    actions.invite_user(actor=owner, email="a@example.com", now=now)
    token = actions.invitation_token(actor=owner, email="a@example.com", now=now)
    assert actions.open_invitation(token, now).email == "a@example.com"
    person = actions.accept_invitation(token=token, password=PASSWORD, name="Ada", now=now)
    assert (person.state, person.name) == ("active", "Ada")
    assert User.objects.get(email="a@example.com").check_password(PASSWORD)
    with pytest.raises(Conflict):
        actions.accept_invitation(token=token, password="another long passphrase", now=now)
    with pytest.raises(Conflict):
        actions.invitation_token(actor=owner, email="a@example.com", now=now)


def test_an_invitation_ends_after_seven_days(owner: Actor, now: datetime) -> None:
    actions.invite_user(actor=owner, email="a@example.com", now=now)
    token = actions.invitation_token(actor=owner, email="a@example.com", now=now)
    with pytest.raises(Conflict):
        actions.open_invitation(token, now + timedelta(days=7, seconds=1))
    with pytest.raises(Conflict):
        actions.open_invitation(token[:-2] + "xx", now)


def test_a_weak_password_is_refused_with_its_reasons(owner: Actor, now: datetime) -> None:
    actions.invite_user(actor=owner, email="a@example.com", now=now)
    token = actions.invitation_token(actor=owner, email="a@example.com", now=now)
    with pytest.raises(Invalid, match="password"):
        actions.accept_invitation(token=token, password="password", now=now)
    found = queries.person("a@example.com")
    assert found is not None
    assert found.state == "invited"


def test_a_sign_in_elsewhere_makes_an_invited_person_active(owner: Actor, now: datetime) -> None:
    person = actions.invite_user(actor=owner, email="a@example.com", now=now)
    actions.signed_in(user_id=person.id, now=now)
    actions.signed_in(user_id=person.id, now=now)
    found = queries.person_by_id(person.id)
    assert found is not None
    assert found.state == "active"
    assert AuditEntry.objects.filter(action="user.joined").count() == 1


def test_the_last_owner_stays(owner: Actor, now: datetime) -> None:
    email = owner.email or ""
    with pytest.raises(Conflict):
        actions.set_role(actor=owner, email=email, role=Role.ADMIN, now=now)
    with pytest.raises(Conflict):
        actions.deactivate_user(actor=owner, email=email, now=now)
    actions.invite_user(actor=owner, email="second@example.com", role=Role.OWNER, now=now)
    assert actions.set_role(actor=owner, email=email, role=Role.ADMIN, now=now).role is Role.ADMIN


def test_an_owner_who_cannot_log_in_yet_does_not_count(owner: Actor, now: datetime) -> None:
    email = owner.email or ""
    _join(email, now)
    actions.invite_user(actor=owner, email="second@example.com", role=Role.OWNER, now=now)
    with pytest.raises(Conflict, match="log in"):
        actions.deactivate_user(actor=owner, email=email, now=now)
    _join("second@example.com", now)
    assert actions.deactivate_user(actor=owner, email=email, now=now).state == "left"


def test_only_owners_touch_owners(owner: Actor, admin: Actor, now: datetime) -> None:
    actions.invite_user(actor=owner, email="second@example.com", role=Role.OWNER, now=now)
    with pytest.raises(PermissionDenied):
        actions.set_role(actor=admin, email="second@example.com", role=Role.OBSERVER, now=now)
    with pytest.raises(PermissionDenied):
        actions.set_role(actor=admin, email=admin.email or "", role=Role.OWNER, now=now)
    with pytest.raises(PermissionDenied):
        actions.deactivate_user(actor=admin, email="second@example.com", now=now)
    with pytest.raises(PermissionDenied):
        actions.invitation_token(actor=admin, email="second@example.com", now=now)


def test_who_left_may_do_nothing_and_may_come_back(owner: Actor, mate: Actor, now: datetime) -> None:
    _join(mate.email or "", now)
    actions.deactivate_user(actor=owner, email=mate.email or "", now=now)
    with pytest.raises(PermissionDenied):
        queries.actor_for(mate.id or 0)
    assert mate.email not in {person.email for person in queries.people()}
    assert mate.email in {person.email for person in queries.people(include_left=True)}
    assert actions.reactivate_user(actor=owner, email=mate.email or "", now=now).state == "active"


def test_one_edits_oneself_and_others_need_the_permission(
    owner: Actor, mate: Actor, stranger: Actor, now: datetime
) -> None:
    person = actions.update_user(actor=mate, email="Mate@example.com", timezone="Europe/Berlin", now=now)
    assert person.timezone == "Europe/Berlin"
    with pytest.raises(PermissionDenied):
        actions.update_user(actor=stranger, email="mate@example.com", name="x", now=now)
    assert actions.update_user(actor=owner, email="mate@example.com", name="Matt", now=now).name == "Matt"


def test_what_a_file_keeps_is_changed_after_unlocking(owner: Actor, now: datetime) -> None:
    actions.ensure_user(actor=owner, email="f@example.com", name="Fay", from_file=True, now=now)
    with pytest.raises(Conflict, match="unlock"):
        actions.update_user(actor=owner, email="f@example.com", name="Faye", now=now)
    person = actions.update_user(actor=owner, email="f@example.com", name="Faye", unlock=True, now=now)
    assert (person.name, person.from_file) == ("Faye", False)


def test_ensuring_a_person_twice_is_audited_once(owner: Actor, now: datetime) -> None:
    for _ in range(2):
        actions.ensure_user(actor=owner, email="f@example.com", name="Fay", role=Role.ADMIN, now=now)
    assert AuditEntry.objects.filter(target_label="f@example.com").count() == 1
    actions.ensure_user(actor=owner, email="f@example.com", timezone="Asia/Tokyo", now=now)
    entry = AuditEntry.objects.filter(target_label="f@example.com").first()
    assert entry is not None
    assert entry.data == {"timezone": {"from": "UTC", "to": "Asia/Tokyo"}}


def test_the_first_owner_is_made_once(db: None, now: datetime) -> None:
    made = actions.bootstrap_admin(now)
    assert made is not None
    email, password = made
    assert User.objects.get(email=email).check_password(password)
    assert actions.bootstrap_admin(now) is None
    assert queries.owners() == (email,)


def test_nobody_is_nobody(owner: Actor, now: datetime) -> None:
    assert queries.person("nobody@example.com") is None
    with pytest.raises(NotFound):
        actions.set_role(actor=owner, email="nobody@example.com", role=Role.ADMIN, now=now)
