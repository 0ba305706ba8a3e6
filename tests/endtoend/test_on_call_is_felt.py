"""On-call from outside: a shift is asked for, a change is paged, a swap counts when it is taken."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.endtoend.harness import Installation, eventually
from tocsin.testing.mailbox import Mailbox

KEY = "b2" * 16


def organisation(now: datetime) -> str:
    """Ada is on call since yesterday; in half an hour it is Cy's turn."""
    start = (now - timedelta(days=1, minutes=-30)).replace(second=0, microsecond=0)
    people = "\n".join(
        f"  - {{email: {name}@example.com, name: {name.title()}, timezone: Europe/Berlin,"
        f" contact_methods: [{{type: email, address: {name}@example.com}}]}}"
        for name in ("ada", "bo", "cy", "lou")
    )
    return f"""
users:
{people}
teams:
  - {{name: felt, members: [ada@example.com, bo@example.com, cy@example.com], lead: lou@example.com}}
rotations:
  - name: felt-turns
    type: daily
    start: "{start:%Y-%m-%dT%H:%M}"
    timezone: UTC
    participants: [{{user: ada@example.com}}, {{user: cy@example.com}}]
schedules:
  - {{name: felt, team: felt, timezone: UTC, layers: [{{rotation: felt-turns}}], readiness: 1h}}
escalation_policies:
  - {{name: felt, steps: [{{notify: [{{schedule: felt}}], wait: 3h}}]}}
services:
  - {{name: felt, team: felt, escalation_policy: felt}}
integrations:
  - {{name: felt, kind: generic, service: felt, key: {KEY}}}
"""


@pytest.fixture(scope="module")
def rota(tocsin: Installation) -> Installation:
    tocsin.apply(organisation(datetime.now(UTC)))
    return tocsin


def on_call(tocsin: Installation, at: datetime) -> list[tuple[str, str]]:
    rows = tocsin.api("GET", f"oncall?schedule=felt&at={at:%Y-%m-%dT%H:%M:%SZ}")["items"]
    return [(row["user"], row["origin"]) for row in rows]


def test_who_comes_on_next_confirms_a_test_page_by_its_link(rota: Installation, mailbox: Mailbox) -> None:
    mail = mailbox.wait(lambda mail: mail.to == "cy@example.com" and "/ready/" in mail.text, 90)
    link = next(link for link in mail.links() if "/ready/" in link)
    assert httpx.get(link).status_code == httpx.codes.OK
    asked = rota.api("GET", "oncall/readiness?schedule=felt")["items"][0]
    assert asked["confirmed_at"] is None, "GET must only show"
    httpx.post(link).raise_for_status()
    assert rota.api("GET", "oncall/readiness?schedule=felt")["items"][0]["confirmed_at"]


def test_an_override_in_the_middle_of_an_incident_calls_who_is_on_call_now(
    rota: Installation, mailbox: Mailbox
) -> None:
    rota.trigger(KEY, "felt-1", "The till is stuck").raise_for_status()
    mailbox.wait(lambda mail: mail.to == "ada@example.com" and "The till is stuck" in mail.subject)
    start = datetime.now(UTC)
    rota.api(
        "POST",
        "schedules/felt/overrides",
        start=start.isoformat(),
        end=(start + timedelta(minutes=20)).isoformat(),
        user="bo@example.com",
    )
    mailbox.wait(lambda mail: mail.to == "bo@example.com" and "The till is stuck" in mail.subject, 15)
    ref = rota.incidents("service=felt")[0]["ref"]
    uses = rota.api("GET", "oncall/uses?schedule=felt")["items"]
    assert {"ada@example.com", "bo@example.com"} <= {use["email"] for use in uses}
    rota.api("POST", f"incidents/{ref}/resolve")


def test_only_a_taken_swap_moves_anybody(rota: Installation) -> None:
    turn = rota.api(
        "GET", f"oncall?schedule=felt&at={datetime.now(UTC) + timedelta(hours=40):%Y-%m-%dT%H:%MZ}"
    )
    shift = turn["items"][0]
    other = "cy@example.com" if shift["user"] == "ada@example.com" else "ada@example.com"
    swap = rota.api(
        "POST", "swaps", schedule="felt", start=shift["start"], end=shift["end"], requester=shift["user"]
    )
    middle = datetime.fromisoformat(shift["start"]) + timedelta(hours=1)
    assert on_call(rota, middle) == [(shift["user"], "rotation")]
    rota.api("POST", f"swaps/{swap['id']}/take", taker=other)
    assert on_call(rota, middle) == [(other, "swap")]


def test_prometheus_sees_who_is_on_call_and_that_nobody_is_missing(rota: Installation) -> None:
    def line() -> str | None:
        text = httpx.get(f"{rota.url}/metrics", timeout=10).text
        return next(
            (
                row
                for row in text.splitlines()
                if row.startswith("tocsin_oncall_current{") and '"felt"' in row
            ),
            None,
        )

    found = eventually(line, 90, 1)
    assert found
    text = httpx.get(f"{rota.url}/metrics", timeout=10).text
    gap = next(
        row for row in text.splitlines() if row.startswith('tocsin_oncall_gap_seconds{schedule="felt"')
    )
    assert float(gap.split()[-1]) == 0.0
