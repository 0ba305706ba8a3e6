from datetime import timedelta

from tests.web.conftest import Visitor
from tocsin.apps.integrations import heartbeat_queries as queries
from tocsin.apps.integrations.models import Heartbeat
from tocsin.lib import clock

FORM = {"integration": "prometheus", "name": "backup", "every": "1h", "grace": "10m", "timezone": "UTC"}


def page(reader: Visitor, address: str) -> str:
    answer = reader.client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def made(owner: Visitor, **other: str) -> Heartbeat:
    answer = owner.client.post("/heartbeats/new", {**FORM, **other})
    row = Heartbeat.objects.get()
    assert answer.headers["Location"] == f"/heartbeats/{row.pk}"
    return row


def test_an_empty_list_says_how_to_make_the_first(owner: Visitor, house: str) -> None:
    assert "No heartbeat yet" in page(owner, "/heartbeats/")


def test_one_is_made_shown_and_found(owner: Visitor, house: str) -> None:
    row = made(owner)
    assert (row.period, row.grace) == (timedelta(hours=1), timedelta(minutes=10))
    one = page(owner, f"/heartbeats/{row.pk}")
    assert f"/ingest/heartbeat/{row.integration.key}/backup" in one
    assert "Never heard of" in one
    assert "backup" in page(owner, "/heartbeats/?state=new&integration=prometheus&q=back")
    assert "None matches" in page(owner, "/heartbeats/?state=up")


def test_what_is_down_stands_first(owner: Visitor, house: str) -> None:
    made(owner)
    row = Heartbeat.objects.get()
    row.pk, row.name, row.status, row.due_at = None, "zz-nightly", "down", None
    row.save()
    text = page(owner, "/heartbeats/")
    assert text.index("zz-nightly") < text.index(">backup<")


def test_a_cron_expression_shows_its_next_times(owner: Visitor, house: str) -> None:
    row = made(owner, every="", cron="0 3 * * *", timezone="Europe/Berlin")
    text = page(owner, f"/heartbeats/{row.pk}")
    assert "0 3 * * *" in text
    assert "By cron" in text


def test_what_is_wrong_is_said_at_the_field_and_nothing_is_lost(owner: Visitor, house: str) -> None:
    for wrong, said in (
        ({"every": "soon"}, "h-every-error"),
        ({"cron": "0 3 * * *"}, "h-every-error"),
        ({"every": "", "cron": "61 * * * *"}, "h-cron-error"),
        ({"timezone": "Mars/Base"}, "h-zone-error"),
        ({"name": "a/b"}, "h-name-error"),
    ):
        answer = owner.client.post("/heartbeats/new", {**FORM, "summary": "typed", **wrong})
        assert answer.status_code == 422, wrong
        assert said in answer.content.decode(), wrong
        assert "typed" in answer.content.decode()
    assert not Heartbeat.objects.exists()


def test_it_is_changed_paused_and_deleted(owner: Visitor, house: str) -> None:
    row = made(owner)
    owner.client.post(f"/heartbeats/{row.pk}/edit", {**FORM, "every": "2h"})
    row.refresh_from_db()
    assert row.period == timedelta(hours=2)
    owner.client.post(f"/heartbeats/{row.pk}/pause")
    found = queries.by_id(row.pk, clock.now())
    assert found is not None
    assert found.state == "paused"
    assert "Resume" in page(owner, f"/heartbeats/{row.pk}")
    owner.client.post(f"/heartbeats/{row.pk}/pause", {"on": "yes"})
    assert Heartbeat.objects.get().enabled
    owner.client.post(f"/heartbeats/{row.pk}/delete")
    assert not Heartbeat.objects.exists()


def test_who_may_only_look_sees_no_key_and_changes_nothing(
    owner: Visitor, stranger: Visitor, house: str
) -> None:
    row = made(owner)
    text = page(stranger, f"/heartbeats/{row.pk}")
    assert row.integration.key not in text
    assert "Pause" not in text
    for deed in ("pause", "delete"):
        stranger.client.post(f"/heartbeats/{row.pk}/{deed}")
    stranger.client.post(f"/heartbeats/{row.pk}/edit", {**FORM, "every": "5h"})
    row.refresh_from_db()
    assert (row.enabled, row.period) == (True, timedelta(hours=1))


def test_what_a_file_owns_is_read_only(owner: Visitor, house: str) -> None:
    row = made(owner)
    Heartbeat.objects.update(from_file=True)
    assert "from file" in page(owner, f"/heartbeats/{row.pk}")
    answer = owner.client.post(f"/heartbeats/{row.pk}/edit", {**FORM, "every": "5h"})
    assert answer.status_code == 409
    assert "comes from a file" in answer.content.decode()
    assert owner.client.get("/heartbeats/999").status_code == 404


def test_the_form_shows_when_it_would_be_due_and_saves_nothing(owner: Visitor, house: str) -> None:
    for when in ({"every": "1h"}, {"every": "", "cron": "0 3 * * *", "timezone": "Europe/Berlin"}):
        answer = owner.client.post("/heartbeats/new", {**FORM, **when, "deed": "try"})
        text = answer.content.decode()
        assert answer.status_code == 200
        assert text.count("somebody is called at") == 5
        assert 'value="backup"' in text
    wrong = owner.client.post("/heartbeats/new", {**FORM, "every": "", "cron": "61 * * * *", "deed": "try"})
    assert wrong.status_code == 422
    assert 'id="h-cron-error"' in wrong.content.decode()
    assert not Heartbeat.objects.exists()
