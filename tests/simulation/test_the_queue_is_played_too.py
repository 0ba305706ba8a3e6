"""What the queue merges, bundles and throttles in earnest it does in a rehearsal, and says so."""

import time
from datetime import timedelta
from itertools import pairwise

from tests.simulation.test_a_week_is_played_in_order import ORGANISATION, START, called, fired
from tocsin.domain.configuration import load
from tocsin.domain.configuration.model import Organisation
from tocsin.domain.simulation import Acknowledge, Happening, Resolve, simulate
from tocsin.domain.simulation.model import Result


def organisation(text: str = ORGANISATION) -> Organisation:
    loaded = load({"org.yaml": text})
    assert not loaded.report.errors, loaded.report
    return loaded.organisation


def play(*events: Happening, hours: float, text: str = ORGANISATION) -> Result:
    return simulate(organisation(text), events, START, START + timedelta(hours=hours))


def test_first_pages_leave_one_by_one_and_repeats_of_a_service_together() -> None:
    result = play(*(fired(0, key) for key in ("a", "b", "c")), hours=0.1)
    at_once = [page for page in result.pages if page.at == START]
    assert [(page.dedup_key, page.contact) for page in at_once] == [(key, "email") for key in "abc"]
    five = START + timedelta(minutes=5)
    alice = [page.dedup_key for page in result.pages if page.at == five and page.user.startswith("alice")]
    assert alice == ["a"]
    carried = [(one.page.dedup_key, one.page.user.split("@")[0], one.reason) for one in result.unsent]
    assert ("b", "alice", "bundled: one message lists 3 incidents, for a") in carried
    assert ("c", "alice", "bundled: one message lists 3 incidents, for a") in carried
    # Bob is called for the first time: three pages.
    assert [page.dedup_key for page in result.pages if page.at == five and page.user.startswith("bob")] == [
        "a",
        "b",
        "c",
    ]


def test_a_throttle_puts_a_repeat_off_and_says_so() -> None:
    calm = "steps:\n      - {notify: [{user: alice@example.com}], wait: 5m}"
    quick = ORGANISATION.replace(calm, calm.replace("5m", "20s")).replace("after: 3m", "after: 0m")
    quick = quick.replace("      - {notify: [{team: payments}], wait: 10m}\n", "").replace(
        "repeat: 1", "repeat: 20"
    )
    result = play(fired(0), hours=0.25, text=quick)
    sms = [page for page in result.pages if page.contact == "sms"]
    gaps = [(b.at - a.at).total_seconds() for a, b in pairwise(sms)]
    assert min(gaps) >= 60
    assert len(sms) <= 5
    assert any("throttled: " in page.reason and "leaves at" in page.reason for page in sms)


def test_an_acknowledgement_withdraws_what_a_throttle_put_off() -> None:
    calm = "wait: 5m"
    quick = ORGANISATION.replace(calm, "wait: 20s").replace("after: 3m", "after: 0m")
    ack = Acknowledge(START + timedelta(seconds=30), "a", "alice@example.com")
    result = play(fired(0), ack, hours=0.2, text=quick)
    assert all(page.at <= START + timedelta(seconds=30) for page in result.pages)
    assert called(result)


def test_a_week_of_a_thousand_incidents_takes_seconds() -> None:
    events: list[Happening] = []
    for number in range(1000):
        minute, key = number * 10.08, f"incident-{number}"
        events.append(fired(minute, key))
        answer = START + timedelta(minutes=minute + number % 40)
        events.append(Acknowledge(answer, key, "alice@example.com"))
        events.append(Resolve(START + timedelta(minutes=minute + 45), "tool", key))
    began = time.process_time()
    result = play(*events, hours=24 * 7)
    assert time.process_time() - began < 10
    assert len(result.incidents) == 1000
    assert all(page.reason for page in result.pages)
