import pytest
from django.test import Client

from tests.web.conftest import Visitor
from tests.web.rota import NAME, coming, key, rota, text
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.models import Schedule

__all__ = ["rota"]

PAGES = [
    "/my-on-call",
    "/swaps/",
    "/swaps/?tab=all&state=open&schedule=carts",
    "/swaps/new",
    f"/schedules/{NAME}/checks",
    f"/schedules/{NAME}/history",
    f"/schedules/{NAME}/calendars",
    "/people/mate@example.com/calendars",
    "/calendars/",
    "/pay/",
    "/pay/?month=2026-02&team=payments&schedule=carts&person=mate@example.com",
    "/pay/?month=nonsense",
    "/teams/payments",
]


@pytest.mark.parametrize("path", PAGES)
def test_everyone_who_signed_in_may_read(
    path: str, owner: Visitor, mate: Visitor, stranger: Visitor, rota: str
) -> None:
    for reader in (owner, mate, stranger):
        answer = reader.client.get(path)
        assert answer.status_code == 200, (reader.email, answer.content[-600:])
        page = text(answer)
        assert "style=" not in page
        assert "onclick" not in page


@pytest.mark.parametrize("path", [*PAGES, "/people/mate@example.com/deactivate"])
def test_a_passer_by_is_asked_to_sign_in(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/?next=")


@pytest.mark.parametrize(
    "path",
    [
        "/absences/add",
        "/absences/1/remove",
        "/readiness/1/confirm",
        "/feeds/make",
        "/feeds/1/revoke",
        "/swaps/new",
        "/swaps/take",
        "/swaps/1/take",
        "/calendars/add",
        "/calendars/1/remove",
        "/people/mate@example.com/notices",
        "/pay/corrections",
        "/pay/corrections/1/withdraw",
    ],
)
def test_a_form_from_elsewhere_is_refused(path: str, owner: Visitor) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.client.cookies
    assert strict.post(path).status_code == 403


@pytest.mark.parametrize(
    "path", ["/absences/9/remove", "/readiness/9/confirm", "/feeds/9/revoke", "/calendars/9/remove"]
)
def test_what_is_gone_is_said_and_breaks_nothing(path: str, owner: Visitor) -> None:
    answer = owner.client.post(path, follow=True)
    assert answer.status_code == 200
    assert "toast-item error" in text(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/pay/?month=9999-12",
        "/pay/?month=0001-01",
        f"/schedules/{NAME}/checks?from=0001-01-01&until=0001-01-02",
        f"/schedules/{NAME}/checks?from=9999-12-30&until=9999-12-31&days=99999999999999",
        f"/schedules/{NAME}/history?since=0001-01-01T00:00",
        f"/schedules/{NAME}/history?until=9999-12-31T23:59&here=America/New_York",
        f"/schedules/{NAME}/history?cursor=x",
        "/swaps/?cursor=99999999999999999999",
        "/swaps/new?schedule=carts&start=0001-01-01T00:00:00Z",
        "/swaps/new?schedule=carts&start=%00",
        "/swaps/new?for=nobody",
    ],
)
def test_nonsense_in_the_address_is_never_a_crash(path: str, owner: Visitor, rota: str) -> None:
    assert owner.client.get(path).status_code in {200, 422}


def test_a_swap_outlives_its_schedule(owner: Visitor, mate: Visitor, rota: str) -> None:
    mate.client.post("/swaps/new", {"shift": key(coming(mate))})
    (swap,) = queries.swaps()
    Schedule.objects.all().delete()
    assert "Mate" in text(owner.client.get(f"/swaps/{swap.id}"))
    assert owner.client.get("/swaps/?tab=all").status_code == 200
    assert mate.client.get("/my-on-call").status_code == 200
