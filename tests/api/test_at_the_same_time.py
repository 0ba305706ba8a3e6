import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse

from tests.api.conftest import Caller, person
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity import queries
from tocsin.apps.identity.models import Team
from tocsin.domain.permissions import Role

pytestmark = pytest.mark.django_db(transaction=True)


def _together(caller: Caller, asks: list[tuple[str, str, Any, dict[str, str]]]) -> list[HttpResponse]:
    def ask(one: tuple[str, str, Any, dict[str, str]]) -> HttpResponse:
        method, path, body, headers = one
        try:
            return Caller("also", headers=caller.headers)(method, path, body, **headers)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(asks)) as pool:
        return list(pool.map(ask, asks))


def test_one_key_sent_by_four_at_once_acts_once(token: Caller) -> None:
    ask = ("POST", "/teams", {"name": "web"}, {"Idempotency_Key": "k"})
    answers = _together(token, [ask] * 4)
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({json.dumps(json.loads(answer.content), sort_keys=True) for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer for answer in answers) == 3
    assert Team.objects.count() == AuditEntry.objects.filter(action="team.created").count() == 1


def test_one_of_two_edits_of_the_same_version_wins(token: Caller) -> None:
    token.post("/teams", {"name": "web"})
    tag = token.get("/teams/web")["ETag"]
    asks = [("PUT", "/teams/web", {"name": "web", "description": d}, {"If_Match": tag}) for d in "ab"]
    assert sorted(answer.status_code for answer in _together(token, asks)) == [200, 412]


def test_two_of_the_same_name_at_once_are_one_and_a_conflict(token: Caller) -> None:
    ask = ("POST", "/services", {"name": "web"}, {})
    codes = sorted(answer.status_code for answer in _together(token, [ask] * 3))
    assert codes == [201, 409, 409]


def test_two_owners_cannot_unmake_each_other(owner: Caller) -> None:
    second = person("second", Role.OWNER)

    def demote(pair: tuple[Caller, str]) -> int:
        caller, email = pair
        try:
            return caller.post(f"/users/{email}/role", {"role": "admin"}).status_code
        finally:
            connection.close()

    pairs = [(owner, "second@example.com"), (second, "owner@example.com")]
    with ThreadPoolExecutor(2) as pool:
        codes = sorted(pool.map(demote, pairs))
    assert codes[0] == 200
    assert codes[1] in {403, 409}
    assert len(queries.owners()) == 1
