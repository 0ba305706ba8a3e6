import pytest
from django.test import Client

from tests.web.conftest import Visitor
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.domain.permissions import SYSTEM
from tocsin.entrypoints.web import lanes
from tocsin.entrypoints.web.views import common
from tocsin.lib import clock

PAGES = [
    "/incidents/",
    "/incidents/?tab=all&q=checkout&severity=SEV2&status=triggered&service=checkout&team=payments",
    "/incidents/?tab=mine",
    "/incidents/declare",
    "/incidents/{ref}",
    "/incidents/{ref}/row",
    "/incidents/count",
    "/alerts/",
    "/alerts/?status=all&q=x",
    "/on-call/",
    "/schedules/",
    "/policies/",
    "/services/",
    "/services/?q=check&team=payments&tier=1",
    "/services/checkout",
    "/teams/",
    "/teams/payments",
    "/people/",
    "/people/?q=mate",
    "/people/mate@example.com",
    "/integrations/",
    "/integrations/prometheus",
    "/heartbeats/",
    "/heartbeats/new",
    "/changes/",
    "/delivery/",
    "/delivery/limits",
    "/delivery/rules",
    "/me/reached?add=email",
    "/settings/",
]


@pytest.mark.parametrize("path", PAGES)
def test_everyone_who_signed_in_may_read(
    path: str, owner: Visitor, mate: Visitor, stranger: Visitor, house: str
) -> None:
    for reader in (owner, mate, stranger):
        answer = reader.client.get(path.format(ref=house))
        assert answer.status_code == 200, (reader.email, answer.content[-600:])
        assert b"<b>fails</b>" not in answer.content


@pytest.mark.parametrize("path", [*PAGES, "/audit/", "/"])
def test_a_passer_by_is_asked_to_sign_in(path: str, house: str) -> None:
    answer = Client().get(path.format(ref=house), follow=True)
    assert answer.redirect_chain
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    assert answer.status_code == 200


def test_the_audit_log_is_for_administrators(
    owner: Visitor, mate: Visitor, stranger: Visitor, house: str
) -> None:
    assert "incident.declared" in owner.client.get("/audit/").content.decode()
    assert owner.client.get("/audit/?action=incident.*&by=owner&since=2020-01-01T00:00").status_code == 200
    for reader in (mate, stranger):
        assert reader.client.get("/audit/").status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/incidents/INC-99999",
        "/incidents/INC-99999/row",
        "/incidents/x",
        "/services/x",
        "/teams/x",
        "/people/x@y.z",
        "/integrations/x",
        "/policies/x",
        "/schedules/x",
        "/alerts/1",
        "/nowhere",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(path: str, owner: Visitor) -> None:
    answer = owner.client.get(path)
    assert answer.status_code == 404
    assert "Go to incidents" in answer.content.decode()


@pytest.mark.parametrize("query", ["?cursor=x", "?status=nonsense", "?severity=SEV9"])
def test_nonsense_in_the_address_is_never_a_crash(query: str, owner: Visitor, house: str) -> None:
    assert owner.client.get(f"/incidents/{query}").status_code in {200, 422}


def test_every_page_has_a_strict_policy_and_no_inline_script(owner: Visitor, house: str) -> None:
    answer = owner.client.get(f"/incidents/{house}")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    text = answer.content.decode()
    assert "style=" not in text
    assert "onclick" not in text
    for tag in text.split("<script")[1:]:
        assert 'src="/static/' in tag.split(">")[0] or 'type="application/json"' in tag.split(">")[0]


def test_nothing_is_open_reads_well(owner: Visitor) -> None:
    assert "No incident yet" in owner.client.get("/incidents/").content.decode()
    assert "Nothing is connected yet" in owner.client.get("/integrations/").content.decode()
    assert "No service yet" in owner.client.get("/services/").content.decode()


def test_search_finds_by_name_and_number(owner: Visitor, house: str) -> None:
    items = owner.client.get(f"/search.json?q={house}").json()["items"]
    assert items[0]["url"] == f"/incidents/{house}"
    kinds = {item["kind"] for item in owner.client.get("/search.json?q=e").json()["items"]}
    assert {"Service", "Person", "Team"} <= kinds


def test_the_stream_ticket_is_for_those_who_signed_in(owner: Visitor) -> None:
    assert owner.client.get("/live/ticket").json()["ticket"]
    assert Client().get("/live/ticket").status_code == 401


def test_the_banner_says_that_nobody_can_be_reached(owner: Visitor) -> None:
    assert "Nobody can be reached" in owner.client.get("/incidents/").content.decode()


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/services/", "services"),
        ("/services/checkout", "services"),
        ("/policies/", "escalation_policies"),
        ("/schedules/", "rotations"),
        ("/teams/payments", "teams"),
    ],
)
def test_what_lives_in_files_says_how_to_change_it(path: str, key: str, owner: Visitor, house: str) -> None:
    page = owner.client.get(path).content.decode()
    assert f"<code>{key}:</code>" in page
    for command in ("tocsin export", "tocsin plan -f", "tocsin apply -f"):
        assert command in page
    assert page.count('data-copy="files-') == 3


@pytest.mark.parametrize(("path", "count"), [("/people/", 3), ("/services/", 4)])
def test_long_lists_come_in_portions(
    path: str, count: int, owner: Visitor, house: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("search", "orders", "mail"):
        catalog.save_service(actor=SYSTEM, spec=ServiceSpec(name), now=clock.now())
    assert "Show more" not in owner.client.get(path).content.decode()
    monkeypatch.setattr(common.portion, "__defaults__", (2,))
    first = owner.client.get(path).content.decode()
    rest = owner.client.get(f"{path}?cursor=2").content.decode()
    assert "?cursor=2" in first
    assert "Show more" not in rest
    assert first.count('class="cover') == 2
    assert rest.count('class="cover') == count - 2
    assert owner.client.get(f"{path}?cursor=x").status_code == 200


@pytest.mark.parametrize(
    ("hours", "label"), [(24, "Emil Sørensen"), (12, "Emil"), (6, "ES"), (1, ""), (168, "Emil Sørensen")]
)
def test_a_name_in_a_short_bar_is_shortened_and_not_cut(hours: int, label: str) -> None:
    assert lanes.fitting("Emil Sørensen", hours * 100 / 168) == label
