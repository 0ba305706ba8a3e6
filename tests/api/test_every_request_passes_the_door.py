import json
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from psycopg.errors import DeadlockDetected

from tests.api.conftest import Caller
from tocsin.apps.audit.models import AuditEntry, IdempotencyKey
from tocsin.apps.identity import actions, queries
from tocsin.apps.identity.models import ApiToken, Team
from tocsin.entrypoints.api import door
from tocsin.lib.ratelimit import Buckets


def problem(answer: HttpResponse, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(answer.content)
    assert {"type", "title", "status", "detail", "errors"} <= body.keys()
    assert body["status"] == status
    return body


def test_nobody_is_asked_for_a_token(nobody: Caller) -> None:
    answer = nobody.get("/me")
    problem(answer, 401)
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer", "Basic abc", "", "Bearer ü"])
def test_a_wrong_token_is_nobody_even_with_a_session(owner: Caller, header: str) -> None:
    problem(owner.get("/me", Authorization=header), 401)


def test_a_token_is_itself(token: Caller) -> None:
    me = token.get("/me").json()  # type: ignore[attr-defined]
    assert (me["kind"], me["label"], me["role"], me["email"]) == ("token", "ci", "admin", None)


def test_a_person_is_themself(mate: Caller) -> None:
    me = mate.get("/me").json()  # type: ignore[attr-defined]
    assert (me["kind"], me["email"]) == ("user", "mate@example.com")
    assert "respond" in me["permissions"]
    assert "configure" not in me["permissions"]


def test_who_left_is_let_in_no_more(owner: Caller, mate: Caller) -> None:
    assert owner.post("/users/mate@example.com/deactivate").status_code == 200
    problem(mate.get("/me"), 401)


def test_a_page_elsewhere_cannot_write_with_the_session(owner: Caller) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.client.cookies
    assert strict.get("/api/v1/me").status_code == 200
    answer = strict.post("/api/v1/teams", {"name": "web"}, content_type="application/json")
    problem(answer, 403)  # type: ignore[arg-type]
    assert not Team.objects.exists()


def test_a_token_needs_no_csrf_header(token: Caller) -> None:
    token.client = Client(enforce_csrf_checks=True)
    assert token.post("/teams", {"name": "web"}).status_code == 201


@pytest.mark.parametrize("path", ["/nothing", "/teams/none", "/users/none@example.com", "/tokens/9", "/"])
def test_what_is_not_there_is_a_problem(owner: Caller, path: str) -> None:
    problem(owner.get(path), 404)


def test_a_wrong_method_is_a_problem(owner: Caller) -> None:
    answer = owner("DELETE", "/teams")
    problem(answer, 405)
    assert set(answer["Allow"].split(", ")) == {"GET", "POST"}


def test_every_wrong_field_is_named(owner: Caller) -> None:
    found = problem(owner.post("/users", {"email": 3, "nmae": "x"}), 422)
    assert {error["field"] for error in found["errors"]} == {"email", "nmae"}
    found = problem(owner.get("/users?limit=0&role=king"), 422)
    assert {error["field"] for error in found["errors"]} == {"limit", "role"}
    found = problem(owner.post("/teams", {"name": "web", "lead": "none@example.com"}), 422)
    assert found["errors"] == [{"field": "lead", "message": "there is no user “none@example.com”"}]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"{", 400),
        (b"", 422),
        (b"[]", 422),
        (b"null", 422),
        (b'{"name": "a\\u0000b"}', 400),
        (b'{"name": "\\ud800"}', 400),
        (b'{"name": NaN}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"holidays": ' + b"[" * 40 + b"]" * 40 + b"}", 400),
        (b'{"name": "x"' + b" " * 3_000_000 + b"}", 413),
    ],
)
def test_a_bad_body_is_a_problem(owner: Caller, data: bytes, status: int) -> None:
    answer = owner.client.generic("POST", "/api/v1/teams", data, content_type="application/json")
    problem(answer, status)  # type: ignore[arg-type]


def test_another_kind_of_body_is_a_problem(owner: Caller) -> None:
    answer = owner.client.generic("POST", "/api/v1/teams", b"name=web", content_type="text/plain")
    problem(answer, 415)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/users?search=%00", "/teams/%00"])
def test_a_nul_in_the_address_is_a_problem(owner: Caller, path: str) -> None:
    problem(owner.get(path), 422)


def test_what_nobody_foresaw_says_nothing_of_itself(owner: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(queries, "people_slice", fail)
    found = problem(owner.get("/users"), 500)
    assert "secret" not in json.dumps(found)


def test_a_database_that_is_away_is_said_so(owner: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(queries, "people_slice", fail)
    answer = owner.get("/users")
    problem(answer, 503)
    assert answer["Retry-After"]


def test_what_crossed_with_another_is_tried_again(owner: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    create, tries = actions.create_team, []

    def cross(**given: Any) -> Any:
        tries.append(create(**given))
        if len(tries) < 3:
            raise OperationalError("deadlock detected") from DeadlockDetected()
        return tries[-1]

    monkeypatch.setattr(actions, "create_team", cross)
    assert owner.post("/teams", {"name": "web"}, Idempotency_Key="k").status_code == 201
    assert len(tries) == 3
    assert AuditEntry.objects.filter(action="team.created").count() == 1


def test_an_asker_has_a_share(owner: Caller, mate: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_ASKERS", Buckets(rate=0.001, burst=3))
    answers = [owner.get("/me") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    problem(answers[3], 429)
    assert int(answers[3]["Retry-After"]) > 0
    assert mate.get("/me").status_code == 200


def test_the_same_key_gets_the_same_answer(owner: Caller) -> None:
    first = owner.post("/teams", {"name": "web"}, Idempotency_Key="k1")
    again = owner.post("/teams", {"name": "web"}, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert json.loads(first.content) == json.loads(again.content)
    assert again["Idempotent-Replayed"] == "true"
    assert AuditEntry.objects.filter(action="team.created").count() == 1
    problem(owner.post("/teams", {"name": "api"}, Idempotency_Key="k1"), 422)
    problem(owner.post("/teams", {"name": "web"}, Idempotency_Key="k2"), 409)


def test_a_key_is_its_askers(owner: Caller, token: Caller) -> None:
    assert owner.post("/teams", {"name": "web"}, Idempotency_Key="k1").status_code == 201
    assert token.post("/teams", {"name": "api"}, Idempotency_Key="k1").status_code == 201


def test_an_error_is_not_kept(owner: Caller) -> None:
    problem(owner.post("/teams", {"name": ""}, Idempotency_Key="k1"), 422)
    problem(owner.post("/teams", {"name": "x"}, Idempotency_Key="k" * 256), 422)
    assert not IdempotencyKey.objects.exists()
    assert owner.post("/teams", {"name": "web"}, Idempotency_Key="k1").status_code == 201


def test_a_secret_is_shown_once_and_not_kept(owner: Caller) -> None:
    first = owner.post("/tokens", {"name": "ci"}, Idempotency_Key="k1")
    raw = json.loads(first.content)["token"]
    problem(owner.post("/tokens", {"name": "ci"}, Idempotency_Key="k1"), 409)
    assert ApiToken.objects.count() == 1
    assert raw not in str(IdempotencyKey.objects.values().get())


def test_an_edit_says_what_it_saw(owner: Caller) -> None:
    owner.post("/teams", {"name": "web"})
    seen = owner.get("/teams/web")
    problem(owner("PUT", "/teams/web", {"name": "web", "description": "1"}), 428)
    first = owner("PUT", "/teams/web", {"name": "web", "description": "1"}, If_Match=seen["ETag"])
    assert first.status_code == 200
    late = owner("PUT", "/teams/web", {"name": "web", "description": "2"}, If_Match=seen["ETag"])
    problem(late, 412)
    now = owner("PUT", "/teams/web", {"name": "web", "description": "2"}, If_Match=late["ETag"])
    assert json.loads(now.content)["description"] == "2"
    assert owner("PUT", "/teams/web", {"name": "web"}, If_Match="*").status_code == 200
    problem(owner("PUT", "/teams/none", {"name": "none"}, If_Match="*"), 404)


def test_what_did_not_change_is_not_sent_again(owner: Caller) -> None:
    seen = owner.get("/me")
    again = owner.get("/me", If_None_Match=seen["ETag"])
    assert (again.status_code, again.content) == (304, b"")


def test_a_head_is_a_get_without_a_body(owner: Caller) -> None:
    answer = owner("HEAD", "/me")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["ETag"] == owner.get("/me")["ETag"]


def test_a_refused_write_leaves_nothing(owner: Caller, mate: Caller) -> None:
    problem(mate.post("/teams", {"name": "web"}), 403)
    problem(owner.post("/users/owner@example.com/role", {"role": "observer"}), 409)
    assert not AuditEntry.objects.filter(action__in=["team.created", "user.changed"]).exists()


def test_lists_go_on_where_they_stopped(owner: Caller) -> None:
    for number in range(5):
        owner.post("/teams", {"name": f"team {number}"})
    first = json.loads(owner.get("/teams?limit=3").content)
    rest = json.loads(owner.get(f"/teams?limit=3&cursor={first['next_cursor']}").content)
    names = [team["name"] for team in first["items"] + rest["items"]]
    assert names == [f"team {number}" for number in range(5)]
    assert rest["next_cursor"] is None
    problem(owner.get("/teams?cursor=zzz"), 422)


def test_the_docs_come_from_us_alone(nobody: Caller) -> None:
    page = nobody.client.get("/api/v1/docs")
    assert "http" not in page.content.decode().replace("http-equiv", "")
    assert "script-src 'self'" in page["Content-Security-Policy"]
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js", "favicon.svg"):
        assert nobody.client.get(f"/api/v1/docs/assets/{name}").status_code == 200
    assert nobody.client.get("/api/v1/docs/assets/other.js").status_code == 404
    schema = nobody.client.get("/api/v1/openapi.json").json()
    assert schema["openapi"].startswith("3.")


def test_the_description_says_what_holds_for_all(nobody: Caller) -> None:
    schema = nobody.client.get("/api/v1/openapi.json").json()
    operations = [(m, o) for path in schema["paths"].values() for m, o in path.items()]
    names = [operation["operationId"] for _, operation in operations]
    assert len(names) == len(set(names))
    wanted = {"post": "Idempotency-Key", "put": "If-Match", "patch": "If-Match"}
    for method, operation in operations:
        assert "default" in operation["responses"]
        headers = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
        assert headers == ({wanted[method]} if method in wanted else set())
