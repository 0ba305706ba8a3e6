from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from pytest_django import Settings

from tocsin.apps.identity import actions, queries
from tocsin.apps.identity.models import ApiToken
from tocsin.domain.errors import NotFound, PermissionDenied
from tocsin.domain.permissions import Actor, ActorKind, Role


def test_it_is_shown_once_and_kept_hashed(owner: Actor, now: datetime) -> None:
    token, raw = actions.create_token(actor=owner, name="ci", role=Role.ADMIN, now=now)
    assert raw.startswith(token.prefix)
    assert len(raw) > 40
    row = ApiToken.objects.values().get()
    assert not any(raw in str(value) for value in row.values())
    actor = queries.authenticate_token(raw, now)
    assert actor == Actor(ActorKind.TOKEN, "ci", Role.ADMIN, id=token.id)


def test_a_revoked_or_unknown_one_is_nobody(owner: Actor, now: datetime) -> None:
    token, raw = actions.create_token(actor=owner, name="ci", now=now)
    assert queries.authenticate_token(raw + "x", now) is None
    assert queries.authenticate_token("", now) is None
    assert queries.authenticate_token("ü", now) is None
    first = actions.revoke_token(actor=owner, token_id=token.id, now=now)
    again = actions.revoke_token(actor=owner, token_id=token.id, now=now + timedelta(hours=1))
    assert first.revoked_at == again.revoked_at == now
    assert queries.authenticate_token(raw, now) is None
    assert queries.tokens(actor=owner) == ()
    assert len(queries.tokens(actor=owner, include_revoked=True)) == 1
    with pytest.raises(NotFound):
        actions.revoke_token(actor=owner, token_id=0, now=now)


def test_it_notes_its_use_once_a_minute(owner: Actor, now: datetime) -> None:
    _, raw = actions.create_token(actor=owner, name="ci", now=now)
    for seconds in (0, 30, 61):
        queries.authenticate_token(raw, now + timedelta(seconds=seconds))
    assert queries.tokens(actor=owner)[0].last_used_at == now + timedelta(seconds=61)


def test_who_may_make_one(admin: Actor, mate: Actor, stranger: Actor, now: datetime) -> None:
    actions.create_token(actor=admin, name="ci", role=Role.ADMIN, now=now)
    with pytest.raises(PermissionDenied):
        actions.create_token(actor=admin, name="ci", role=Role.OWNER, now=now)
    for actor in (mate, stranger):
        with pytest.raises(PermissionDenied):
            actions.create_token(actor=actor, name="ci", now=now)
        with pytest.raises(PermissionDenied):
            queries.tokens(actor=actor)


def test_the_bootstrap_token_is_an_admin(db: None, settings: Settings, now: datetime) -> None:
    settings.TOCSIN = replace(settings.TOCSIN, bootstrap_token="twenty characters or more")
    actor = queries.authenticate_token("twenty characters or more", now)
    assert actor is not None
    assert (actor.kind, actor.label, actor.role) == (ActorKind.TOKEN, "bootstrap token", Role.ADMIN)
    assert queries.authenticate_token("twenty characters or mor", now) is None
    settings.TOCSIN = replace(settings.TOCSIN, bootstrap_token="")
    assert queries.authenticate_token("", now) is None
