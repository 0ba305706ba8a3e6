from typing import Any

import pytest
from django.test import Client

from tests.web.conftest import Visitor
from tocsin.apps.catalog.models import Service
from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.types import Person
from tocsin.apps.incidents import queries
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.apps.integrations import queries as integrations
from tocsin.apps.notify import actions as notify
from tocsin.domain.permissions import SYSTEM
from tocsin.lib import clock


def look(reader: Visitor, ref: str) -> IncidentDetail:
    return queries.incident(ref, actor=reader.actor)


def person(of: Visitor) -> Person:
    found = identity.person(of.email)
    assert found is not None
    return found


def prometheus_key() -> str:
    found = integrations.integration("prometheus")
    assert found is not None
    return found.key


def act(reader: Visitor, ref: str, deed: str, **data: Any) -> str:
    answer = reader.client.post(f"/incidents/{ref}/{deed}", data, follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain == [(f"/incidents/{ref}", 302)]
    return str(answer.content.decode())


def test_responding_takes_it_and_resolving_ends_it(mate: Visitor, house: str) -> None:
    assert "You are responding" in act(mate, house, "respond")
    assert look(mate, house).acknowledged_by == mate.email
    assert "Resolved." in act(mate, house, "resolve")
    assert look(mate, house).status == "resolved"
    act(mate, house, "reopen")
    assert look(mate, house).is_open


def test_what_somebody_else_has_is_taken_over_by_one_button(
    owner: Visitor, mate: Visitor, house: str
) -> None:
    act(owner, house, "respond")
    assert "Take it over" not in owner.client.get(f"/incidents/{house}").content.decode()
    page = act(mate, house, "respond")
    assert "Owner has it. You can take it over." in page
    assert "You are responding" not in page
    assert f"/incidents/{house}/take_over" in page
    several = mate.client.post("/incidents/bulk", {"do": "respond", "ref": house}, follow=True)
    assert f"{house}: Owner has it." in several.content.decode()
    assert "yours to respond to" not in several.content.decode()
    assert "It is yours now" in act(mate, house, "take_over")
    assert look(mate, house).acknowledged_by == mate.email


@pytest.mark.parametrize(
    ("deed", "data"),
    [
        ("note", {"text": "Rolling back"}),
        ("severity", {"severity": "SEV1", "reason": "worse"}),
        ("status", {"status": "identified"}),
        ("snooze", {"minutes": "30"}),
        ("mitigate", {}),
        ("escalate", {}),
        ("reassign", {"email": "owner@example.com"}),
        ("ask_help", {"target": "user:owner@example.com", "text": "please"}),
        ("ask_help", {"target": "team:payments"}),
    ],
)
def test_every_deed_leaves_its_mark(deed: str, data: dict[str, str], mate: Visitor, house: str) -> None:
    before = len(look(mate, house).timeline)
    page = act(mate, house, deed, **data)
    assert "toast-item error" not in page
    assert len(look(mate, house).timeline) > before


@pytest.mark.parametrize(
    ("deed", "data"),
    [
        ("severity", {"severity": "SEV9"}),
        ("severity", {}),
        ("status", {"status": "nonsense"}),
        ("status", {"status": "closed"}),
        ("snooze", {"minutes": "-1"}),
        ("snooze", {"minutes": "99999999999999"}),
        ("reassign", {}),
        ("reassign", {"email": "nobody@example.com"}),
        ("ask_help", {"target": "ghost:x"}),
        ("merge", {"into": "INC-99999"}),
        ("note", {"text": " "}),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    deed: str, data: dict[str, str], mate: Visitor, house: str
) -> None:
    before = look(mate, house)
    assert "toast-item error" in act(mate, house, deed, **data)
    assert look(mate, house) == before


@pytest.mark.parametrize("deed", ["respond", "resolve", "note", "escalate", "mitigate"])
def test_who_only_looks_changes_nothing(deed: str, stranger: Visitor, house: str) -> None:
    before = look(stranger, house)
    assert "lacks the permission" in act(stranger, house, deed, text="x")
    assert look(stranger, house) == before
    page = stranger.client.get(f"/incidents/{house}").content.decode()
    assert "I am responding" not in page


def test_somebody_is_paged_directly(mate: Visitor, stranger: Visitor, house: str) -> None:
    form = {"target": "user:owner@example.com", "title": "Need a decision"}
    answer = mate.client.post("/incidents/page", form)
    assert look(mate, answer.headers["Location"].rpartition("/")[2]).title == "Need a decision"
    assert mate.client.post("/incidents/page", {**form, "target": "team:payments"}).status_code == 302
    assert mate.client.post("/incidents/page", {**form, "target": "ghost"}).status_code == 422
    assert stranger.client.post("/incidents/page", form).status_code == 403


def test_who_only_looks_may_still_answer_what_they_are_called_for(
    mate: Visitor, stranger: Visitor, house: str
) -> None:
    address = "https://hooks.example.com/stranger"
    notify.add_method(actor=SYSTEM, email=stranger.email, type="webhook", address=address, now=clock.now())
    act(mate, house, "ask_help", target=f"user:{stranger.email}", text="Look")
    page = stranger.client.get(f"/incidents/{house}").content.decode()
    assert ("You are asked to help" in page, "/decline" in page, "/seen" in page) == (True, True, True)
    assert "/resolve" not in page
    act(stranger, house, "decline", reason="On holiday")
    assert "help_declined" in [entry.kind for entry in look(mate, house).timeline]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("reassign", {"email": "mate\0@example.com"}),
        ("ask_help", {"target": "user:mate@example.com", "text": "a\0b"}),
        ("ask_help", {"target": "team:pay\0ments", "text": "Come"}),
    ],
)
def test_a_nul_in_a_form_breaks_nothing(path: str, data: dict[str, str], mate: Visitor, house: str) -> None:
    assert mate.client.post(f"/incidents/{house}/{path}", data).status_code == 302
    assert mate.client.get("/incidents/?q=%00&team=%00").status_code == 200
    assert mate.client.get("/delivery/?state=%00&person=%00").status_code == 200
    assert mate.client.get(f"/incidents/{house}?why=%00").status_code == 200
    form = {"target": "user:mate@example.com", "title": "a\0b", "text": "c\0d", "service": "check\0out"}
    assert mate.client.post("/incidents/page", form).status_code == 302


def test_an_unknown_deed_is_not_found(mate: Visitor, house: str) -> None:
    assert mate.client.post(f"/incidents/{house}/explode").status_code == 404
    assert mate.client.get(f"/incidents/{house}/resolve").status_code == 405


def test_a_form_from_elsewhere_is_refused(mate: Visitor, house: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = mate.client.cookies
    answer = strict.post(f"/incidents/{house}/resolve")
    assert answer.status_code == 403
    assert "This form was open for too long" in answer.content.decode()
    assert look(mate, house).is_open


def test_several_are_resolved_at_once(mate: Visitor, stranger: Visitor, house: str) -> None:
    answer = mate.client.post(
        "/incidents/bulk", {"do": "resolve", "ref": [house], "next": "/incidents/?tab=all"}
    )
    assert answer.headers["Location"] == "/incidents/?tab=all"
    assert not look(mate, house).is_open
    refused = stranger.client.post("/incidents/bulk", {"do": "resolve", "ref": [house]}, follow=True)
    assert "lacks the permission" in refused.content.decode()
    empty = mate.client.post("/incidents/bulk", {"do": "resolve"}, follow=True)
    assert "Select at least one" in empty.content.decode()


def test_a_form_cannot_send_the_reader_to_another_site(mate: Visitor, house: str) -> None:
    for elsewhere in ("https://evil.example", "//evil.example", "javascript:alert(1)"):
        answer = mate.client.post("/incidents/bulk", {"do": "resolve", "ref": [house], "next": elsewhere})
        assert answer.headers["Location"] == "/incidents/"


def test_declaring_opens_an_incident(mate: Visitor, stranger: Visitor, house: str) -> None:
    form = {
        "title": "Search is down",
        "service": "checkout",
        "severity": "SEV3",
        "started_at": "2026-01-02T03:04",
    }
    answer = mate.client.post("/incidents/declare", form)
    assert answer.status_code == 302
    made = look(mate, answer.headers["Location"].rpartition("/")[2])
    assert (made.title, made.severity) == ("Search is down", "SEV3")
    assert made.started_at is not None
    assert stranger.client.post("/incidents/declare", form).status_code == 403


@pytest.mark.parametrize("lacking", ["title", "service", "severity"])
def test_declaring_names_the_field_that_lacks_and_keeps_the_rest(
    lacking: str, mate: Visitor, house: str
) -> None:
    form = {"title": "Search is down", "service": "checkout", "severity": "SEV3", "summary": "kept"}
    answer = mate.client.post("/incidents/declare", {**form, lacking: ""})
    assert answer.status_code == 422
    assert f'id="{lacking}-error"' in answer.content.decode()
    assert "kept" in answer.content.decode()


def test_a_token_is_shown_once_and_made_by_administrators(owner: Visitor, mate: Visitor) -> None:
    answer = owner.client.post("/settings/tokens", {"name": "ci", "role": "responder"})
    assert answer.headers["Cache-Control"] == "no-store"
    raw = answer.content.decode().split('id="raw-token">')[1].split("<")[0]
    assert raw.startswith("tocsin_")
    assert raw not in owner.client.get("/settings/").content.decode()
    made = identity.tokens(actor=owner.actor)[0]
    assert mate.client.post("/settings/tokens", {"name": "x", "role": "admin"}).status_code == 403
    owner.client.post(f"/settings/tokens/{made.id}/revoke")
    assert not identity.tokens(actor=owner.actor)


def test_people_are_invited_and_join_by_a_link(owner: Visitor, mate: Visitor) -> None:
    mate.client.post("/people/invite", {"email": "new@example.com"})
    assert identity.person("new@example.com") is None
    owner.client.post("/people/invite", {"email": "New@example.com", "name": "New", "role": "responder"})
    assert mate.client.post("/people/new@example.com/invitation").status_code == 403
    page = owner.client.post("/people/new@example.com/invitation").content.decode()
    link = page.split('id="invitation">')[1].split("<")[0].removeprefix("http://testserver")
    passer_by = Client()
    assert "Welcome, New" in passer_by.get(link).content.decode()
    assert passer_by.post(link, {"name": "New", "password": "short"}).status_code == 422
    assert passer_by.post(link, {"name": "Newt", "password": "eleven purple tigers"}).status_code == 302
    assert passer_by.get(link).status_code == 410
    assert passer_by.login(email="new@example.com", password="eleven purple tigers")


def test_a_profile_is_its_owners_and_the_administrators(
    owner: Visitor, mate: Visitor, stranger: Visitor
) -> None:
    form = {"name": "M. Ate", "timezone": "Europe/Berlin"}
    stranger.client.post(f"/people/{mate.email}/edit", form)
    assert person(mate).name == "Mate"
    mate.client.post(f"/people/{mate.email}/edit", form)
    assert person(mate).timezone == "Europe/Berlin"
    refused = mate.client.post(f"/people/{mate.email}/edit", {"timezone": "Mars/Olympus"}, follow=True)
    assert "toast-item error" in refused.content.decode()
    mate.client.post(f"/people/{stranger.email}/role", {"role": "owner"})
    assert person(stranger).role == "observer"
    owner.client.post(f"/people/{stranger.email}/role", {"role": "responder"})
    assert person(stranger).role == "responder"
    owner.client.post(f"/people/{stranger.email}/deactivate")
    assert person(stranger).state == "left"
    assert stranger.client.get("/incidents/").status_code == 302


def test_the_key_is_shown_to_whoever_may_edit(
    owner: Visitor, mate: Visitor, stranger: Visitor, house: str
) -> None:
    key = prometheus_key()
    assert key in owner.client.get("/integrations/prometheus").content.decode()
    for reader in (mate, stranger):
        assert key not in reader.client.get("/integrations/prometheus").content.decode()
        reader.client.post("/integrations/prometheus/rotate")
        assert prometheus_key() == key
    owner.client.post("/integrations/prometheus/rotate")
    assert prometheus_key() != key
    page = owner.client.post("/integrations/prometheus/test", follow=True).content.decode()
    assert "on its way" in page


def test_an_integration_is_added_with_lines_to_paste(owner: Visitor, stranger: Visitor, house: str) -> None:
    form = {"name": "grafana", "kind": "alertmanager", "service": ""}
    assert stranger.client.post("/integrations/add", form).status_code == 403
    page = owner.client.post("/integrations/add", form, follow=True).content.decode()
    assert "/ingest/alertmanager/" in page
    assert owner.client.post("/integrations/add", form).status_code == 422
    assert owner.client.post("/integrations/add", {"name": "y", "kind": "fax"}).status_code == 422


def test_what_a_file_owns_is_unlocked_by_administrators(owner: Visitor, mate: Visitor, house: str) -> None:
    Service.objects.update(from_file=True)
    form = {"kind": "services", "name": "checkout", "next": "/services/checkout"}
    assert "from file" in owner.client.get("/services/checkout").content.decode()
    assert "lacks the permission" in mate.client.post("/unlock", form, follow=True).content.decode()
    answer = owner.client.post("/unlock", form, follow=True)
    assert answer.redirect_chain == [("/services/checkout", 302)]
    assert "from file" not in answer.content.decode()
    assert (
        "toast-item error"
        in owner.client.post("/unlock", {"kind": "x", "name": "y"}, follow=True).content.decode()
    )
