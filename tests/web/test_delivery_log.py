"""The delivery page: every message, filtered by its address; the queue; limits that administrators set."""

from datetime import timedelta

import pytest

from tests.notify.fakes import FakeChannel
from tests.web.conftest import Visitor
from tocsin.apps.notify import actions, delivery, queries
from tocsin.apps.notify.models import Attempt, Notification
from tocsin.lib import clock
from tocsin.ports import registry

CODE = "987654"


@pytest.fixture(autouse=True)
def channels(monkeypatch: pytest.MonkeyPatch) -> FakeChannel:
    mail = FakeChannel()
    monkeypatch.setitem(registry.channels, "email", mail)
    monkeypatch.setitem(registry.channels, "sms", FakeChannel("sms", "SMS"))
    return mail


def sent_to(who: Visitor) -> int:
    """A message of a test; its id."""
    page = actions.send_test(actor=who.actor, email=who.email, now=clock.now())
    return Notification.objects.get(page_id=page).pk


def see(who: Visitor, query: str = "") -> str:
    answer = who.client.get(f"/delivery/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_nothing_sent_says_how_to_send(owner: Visitor) -> None:
    assert "Nothing was sent yet" in see(owner)


def test_a_message_is_found_by_each_filter_and_by_no_wrong_one(owner: Visitor, mate: Visitor) -> None:
    sent = sent_to(mate)
    Notification.objects.filter(pk=sent).update(vendor="smtp", state="failed")
    row = f"/delivery/{sent}"
    today = clock.now().date().isoformat()
    for right in (
        "", "person=mate@example.com", "person=Mate", "via=email", "state=failed", "kind=test",
        "vendor=smtp", "problems=yes", f"since={today}T00:00&until=2099-01-01T00:00",
    ):  # fmt: skip
        assert row in see(owner, f"?{right}"), right
    for wrong in (
        "person=owner@example.com", "via=sms", "state=sent", "kind=page", "vendor=twilio",
        f"until={today}T00:00", "incident=INC-4711", "person=nobody", "since=soon",
    ):  # fmt: skip
        page = see(owner, f"?{wrong}")
        assert row not in page, wrong
        assert "oosen the filter" in page


def test_the_log_of_an_incident_holds_its_messages_only(owner: Visitor, house: str) -> None:
    other = sent_to(owner)
    mine = Notification.objects.filter(page__incident_id__isnull=False).first()
    assert mine is not None
    page = see(owner, f"?incident={house}")
    assert f"/delivery/{mine.pk}" in page
    assert f'/delivery/{other}"' not in page


def test_the_log_goes_on_where_it_ended(owner: Visitor) -> None:
    ids = [sent_to(owner) for _ in range(52)]
    first = see(owner)
    assert f'/delivery/{ids[-1]}"' in first
    assert f'/delivery/{ids[0]}"' not in first
    second = see(owner, f"?cursor={ids[2]}")
    assert f'/delivery/{ids[1]}"' in second
    assert f"?cursor={ids[2]}" in first
    assert "earlier answer" in see(owner, "?cursor=x")


def test_a_row_opens_its_trail(owner: Visitor) -> None:
    sent = sent_to(owner)
    for job in delivery.claim("w", clock.now(), 9):
        delivery.deliver_one(job, "w")
    Notification.objects.filter(pk=sent).update(ref="SM123", hold="throttled: 5 in 15m")
    copy = sent_to(owner)
    Notification.objects.filter(pk=copy).update(carried_by_id=sent, state="bundled")
    page = owner.client.get(f"/delivery/{sent}").content.decode()
    for part in ("250 OK", "SM123", "throttled: 5 in 15m", f"message {copy}", "rules"):
        assert part in page
    assert f"message {sent}" in owner.client.get(f"/delivery/{copy}").content.decode()
    assert owner.client.get("/delivery/999999").status_code == 404


def test_a_code_is_in_nobodys_log(owner: Visitor, mate: Visitor) -> None:
    actions.add_method(actor=mate.actor, email=mate.email, type="sms", address="+15550100", now=clock.now())
    row = Notification.objects.get(via="sms")
    row.page.headline = f"Your code for Tocsin: {CODE}"
    row.page.save()
    Attempt.objects.create(notification=row, at=clock.now(), result="sent", detail="queued")
    for path in ("/delivery/", f"/delivery/{row.pk}"):
        page = owner.client.get(path).content.decode()
        assert "A code that verifies a contact method" in page
        assert CODE not in page


def test_the_queue_says_what_waits_and_until_when_it_is_held(owner: Visitor) -> None:
    at = clock.now()
    waiting = [sent_to(owner) for _ in range(3)]
    Notification.objects.filter(pk=waiting[0]).update(due_at=at + timedelta(hours=1), hold="throttled")
    page = see(owner)
    assert "<b>2</b>" in page
    assert "1 later, 1 of them throttled until" in page
    assert "Nothing leaves: start" in page
    delivery.beat("w", "host-a", 7)
    assert "host-a:7" in see(owner)


def test_a_failing_vendor_is_said(owner: Visitor) -> None:
    for _ in range(9):
        delivery.vendors.heard("smtp", False, "connection refused", clock.now())
    assert "connection refused" in see(owner)


def test_administrators_set_limits_and_take_them_back(owner: Visitor, mate: Visitor) -> None:
    def limits() -> list[tuple[int, float]]:
        return [
            (one.most, one.within.total_seconds())
            for one in queries.throttles()
            if (one.via, one.scope) == ("sms", "contact")
        ]

    shipped = limits()
    form = {"via": "sms", "scope": "contact", "limits": "2 in 1m, 9 in 1h"}
    assert (
        "Change"
        not in mate.client.get("/delivery/limits")
        .content.decode()
        .partition("<main")[2]
        .partition("</main")[0]
    )
    assert mate.client.post("/delivery/limits", form).status_code == 403
    assert limits() == shipped
    owner.client.post("/delivery/limits", form)
    assert limits() == [(2, 60.0), (9, 3600.0)]
    page = owner.client.get("/delivery/limits").content.decode()
    assert "2 in 1m, 9 in 1h" in page
    wrong = owner.client.post("/delivery/limits", {**form, "limits": "many in 1m"})
    assert wrong.status_code == 422
    assert "“many in 1m”: expected a number and a time" in wrong.content.decode()
    owner.client.post("/delivery/limits", {**form, "reset": "yes"})
    assert limits() == shipped
