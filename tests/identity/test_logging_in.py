from datetime import datetime
from unittest.mock import Mock

import pytest
from allauth.account.adapter import get_adapter
from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from django.test import Client, RequestFactory

from tocsin.apps.identity import actions, queries
from tocsin.apps.identity.models import User
from tocsin.domain.permissions import SYSTEM

PASSWORD = "a long enough passphrase"
EMAIL = "ada@example.com"


@pytest.fixture
def ada(db: None, now: datetime) -> User:
    actions.invite_user(actor=SYSTEM, email=EMAIL, name="Ada", now=now)
    token = actions.invitation_token(actor=SYSTEM, email=EMAIL, now=now)
    actions.accept_invitation(token=token, password=PASSWORD, now=now)
    return User.objects.get(email=EMAIL)


def _log_in(email: str, password: str) -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": email, "password": password})
    return client


def _is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.mark.parametrize("email", [EMAIL, "Ada@Example.COM"])
def test_the_password_lets_in_however_the_address_is_typed(ada: User, email: str) -> None:
    assert _is_in(_log_in(email, PASSWORD))


def test_a_wrong_password_does_not(ada: User) -> None:
    assert not _is_in(_log_in(EMAIL, "something else"))


def test_who_left_is_not_let_in_and_is_out_at_once(ada: User, now: datetime) -> None:
    client = _log_in(EMAIL, PASSWORD)
    actions.deactivate_user(actor=SYSTEM, email=EMAIL, now=now)
    assert client.get("/api/v1/me").status_code == 401
    assert not _is_in(_log_in(EMAIL, PASSWORD))


def test_who_is_only_invited_has_no_password_to_try(db: None, now: datetime) -> None:
    actions.invite_user(actor=SYSTEM, email=EMAIL, now=now)
    assert not _is_in(_log_in(EMAIL, ""))


def test_nobody_signs_up_alone(db: None) -> None:
    client = Client()
    fields = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}
    client.post("/accounts/signup/", fields)
    assert not User.objects.exists()
    request = RequestFactory().get("/")
    assert not get_adapter().is_open_for_signup(request)
    assert not get_social_adapter().is_open_for_signup(request, Mock())


def test_an_invited_person_who_logs_in_another_way_is_active(db: None, now: datetime) -> None:
    person = actions.invite_user(actor=SYSTEM, email=EMAIL, now=now)
    row = User.objects.get(pk=person.id)
    row.set_password(PASSWORD)  # as the reset form does
    row.save()
    assert _is_in(_log_in(EMAIL, PASSWORD))
    found = queries.person_by_id(person.id)
    assert found is not None
    assert found.state == "active"
