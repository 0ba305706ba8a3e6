"""A calendar on somebody's server puts a person on call, and a feed shows it: with real processes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.calendars.conftest import CalendarServer, event, serving
from tests.endtoend.harness import Installation, eventually

USERS = """
users:
  - {email: ina@example.com, name: Ina Ahrens}
  - {email: jo@example.com, name: Jo Öztürk}
rotations:
  - {name: calendared, type: weekly, timezone: UTC, participants: [ina@example.com]}
"""


@pytest.fixture
def server() -> Iterator[CalendarServer]:
    with serving() as serves:
        yield serves


def test_an_event_puts_on_call_and_its_deletion_takes_off(
    tocsin: Installation, server: CalendarServer
) -> None:
    tocsin.apply(USERS)
    at = (datetime.now(UTC) + timedelta(days=3)).replace(minute=0, second=0, microsecond=0)
    span = (f"{at:%Y%m%dT%H%M%SZ}", f"{at + timedelta(hours=8):%Y%m%dT%H%M%SZ}")
    server.serve(event("On call: jo öztürk", *span), event("Somebody else", *span))
    made = tocsin.api(
        "POST", "calendars", name="Shared", url=server.url, use="overrides", schedule="calendared"
    )

    def on_call() -> list[str]:
        during = at + timedelta(hours=1)
        rows = tocsin.api("GET", f"oncall?schedule=calendared&at={during:%Y-%m-%dT%H:%M:%SZ}")["items"]
        return [row["user"] for row in rows]

    eventually(lambda: on_call() == ["jo@example.com"])
    known = tocsin.api("GET", f"calendars/{made['id']}")
    assert (known["failures"], known["events"]) == (0, 1)
    assert [one["summary"] for one in known["unmatched"]] == ["Somebody else"]

    server.fault = "500"
    tocsin.api("POST", f"calendars/{made['id']}/read")
    eventually(lambda: tocsin.api("GET", f"calendars/{made['id']}")["failures"] == 1)
    assert on_call() == ["jo@example.com"]

    server.serve()
    tocsin.api("POST", f"calendars/{made['id']}/read")
    eventually(lambda: on_call() == ["ina@example.com"])
    tocsin.api("DELETE", f"calendars/{made['id']}")


def test_a_feed_is_read_without_a_login_and_not_sent_twice(tocsin: Installation) -> None:
    tocsin.apply(USERS)
    with httpx.Client(base_url=tocsin.url, follow_redirects=True) as ina:
        _join(tocsin, ina, "ina@example.com")
        made = ina.post("/api/v1/feeds", json={}, headers={"X-CSRFToken": ina.cookies["csrftoken"]})
    assert made.status_code == httpx.codes.CREATED, made.text
    address = httpx.URL(made.json()["url"]).path
    first = httpx.get(f"{tocsin.url}{address}")
    assert first.status_code == httpx.codes.OK
    assert b"SUMMARY:On call: calendared (primary)\r\n" in first.content
    again = httpx.get(f"{tocsin.url}{address}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (httpx.codes.NOT_MODIFIED, b"")
    head = httpx.head(f"{tocsin.url}{address}")
    assert (head.status_code, head.content) == (httpx.codes.OK, b"")
    assert head.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert httpx.get(f"{tocsin.url}/calendar/guessed.ics").status_code == httpx.codes.NOT_FOUND


def _join(tocsin: Installation, browser: httpx.Client, email: str) -> None:
    """Accept an invitation and sign in, as its reader would."""
    password = "a long pass phrase of mine"
    link = httpx.URL(tocsin.api("POST", f"users/{email}/invitation")["url"]).path
    for path in (link, "/accounts/login/"):
        page = browser.get(path)
        token = page.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        form = {"csrfmiddlewaretoken": token, "login": email, "password": password}
        answer = browser.post(path, data=form, headers={"Referer": f"{tocsin.url}{path}"})
        assert answer.status_code == httpx.codes.OK, answer.text
