from datetime import timedelta

from tests.web.conftest import Visitor
from tocsin.apps.alerts.change_actions import ChangeSpec, record_change
from tocsin.apps.alerts.models import Change
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.domain.permissions import SYSTEM
from tocsin.entrypoints.web.views import common
from tocsin.lib import clock


def told(owner: Visitor, summary: str, minutes: int, service: str | None = "checkout") -> None:
    at = clock.now()
    spec = ChangeSpec(
        integration="prometheus",
        summary=summary,
        service=service,
        source="ci",
        occurred_at=at - timedelta(minutes=minutes),
        key=summary,
        labels={"version": "1.42"},
        links=("https://ci.example.com/1",),
    )
    record_change(actor=owner.actor, spec=spec, now=at)


def page(reader: Visitor, address: str) -> str:
    answer = reader.client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_without_any_it_says_where_they_come_from(owner: Visitor, house: str) -> None:
    assert "/api/v1/changes" in page(owner, "/changes/")


def test_the_newest_come_first_and_are_found(owner: Visitor, stranger: Visitor, house: str) -> None:
    told(owner, "deployed v1", 90)
    told(owner, "flag switched", 5, service=None)
    text = page(stranger, "/changes/")
    assert text.index("flag switched") < text.index("deployed v1")
    assert "flag switched" not in page(stranger, "/changes/?service=checkout&q=v1&integration=prometheus")
    assert "None matches" in page(stranger, "/changes/?q=nothing")
    old = (clock.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    text = page(stranger, f"/changes/?until={old}&here=UTC")
    assert "deployed v1" in text
    assert "flag switched" not in text
    assert stranger.client.get("/changes/?until=soon").status_code == 422


def test_one_shows_all_that_was_told(owner: Visitor, house: str) -> None:
    told(owner, "deployed <v2>", 4)
    text = page(owner, f"/changes/{Change.objects.get().pk}")
    for part in ("deployed &lt;v2&gt;", "https://ci.example.com/1", "version", "1.42", "ci"):
        assert part in text
    assert owner.client.get("/changes/999").status_code == 404


def test_they_are_read_a_portion_at_a_time(owner: Visitor, house: str) -> None:
    for number in range(common.PORTION + 1):
        told(owner, f"change-{number:03}", number)
    first = page(owner, "/changes/")
    last = f"change-{common.PORTION:03}"
    assert last not in first
    assert last in page(owner, f"/changes/?cursor={common.PORTION}")


def test_what_broke_after_it_stands_beside_it(owner: Visitor, house: str) -> None:
    at = clock.now()
    told(owner, "deployed v3", 30)
    told(owner, "flag switched", 90, service=None)
    catalog.save_service(actor=SYSTEM, spec=ServiceSpec("search"), now=at)
    told(owner, "moved the search", 30, service="search")
    numbers = {each.summary: each.pk for each in Change.objects.all()}
    assert "27 min after" in page(owner, f"/changes/{numbers['deployed v3']}")
    assert house not in page(owner, f"/changes/{numbers['flag switched']}")
    assert "87 min after" in page(owner, f"/changes/{numbers['flag switched']}?within=6h")
    assert "None within 1h" in page(owner, f"/changes/{numbers['moved the search']}")
