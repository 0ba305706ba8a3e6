"""The whole way by phone: an alert comes in, a phone rings, a key is pressed, and nobody else is told. The
companies are stand-ins; everything else is real.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.endtoend.harness import Installation, eventually
from tocsin.testing.exchange import Manner
from tocsin.testing.faults import Back, Status
from tocsin.testing.plivo import Plivo
from tocsin.testing.twilio import Twilio

KEYS = {"bell": "b1" * 16, "post": "b2" * 16}
ROBIN, SAM, KIM = "+15550100200", "+15550100201", "+15550100202"

ORGANISATION = f"""
users:
  - email: robin@example.com
    name: Robin
    contact_methods: [{{type: voice, address: "{ROBIN}"}}, {{type: sms, address: "{ROBIN}"}}]
    notification_rules:
      high: [{{after: 0m, via: voice}}, {{after: 1h, via: sms}}]
      low: [{{after: 0m, via: sms}}]
  - email: sam@example.com
    name: Sam
    contact_methods: [{{type: sms, address: "{SAM}"}}]
    notification_rules: {{high: [{{after: 0m, via: sms}}], low: [{{after: 0m, via: sms}}]}}
  - email: kim@example.com
    name: Kim
    contact_methods: [{{type: sms, address: "{KIM}"}}]
    notification_rules: {{high: [{{after: 0m, via: sms}}], low: [{{after: 0m, via: sms}}]}}
teams:
  - {{name: phones, members: [robin@example.com, sam@example.com, kim@example.com]}}
escalation_policies:
  - name: bell
    steps:
      - {{notify: [{{user: robin@example.com}}], wait: 15s}}
      - {{notify: [{{user: sam@example.com}}], wait: 1h}}
  - name: post
    steps: [{{notify: [{{user: kim@example.com}}], wait: 1h}}]
services:
  - {{name: bell, team: phones, escalation_policy: bell}}
  - {{name: post, team: phones, escalation_policy: post}}
integrations:
  - {{name: bell, kind: generic, service: bell, key: {KEYS["bell"]}}}
  - {{name: post, kind: generic, service: post, key: {KEYS["post"]}}}
"""


@pytest.fixture(scope="module")
def twilio() -> Iterator[Twilio]:
    with Twilio() as company:
        yield company


@pytest.fixture(scope="module")
def plivo() -> Iterator[Plivo]:
    with Plivo() as company:
        yield company


@pytest.fixture(scope="module")
def tocsin(tmp_path_factory: pytest.TempPathFactory, twilio: Twilio, plivo: Plivo) -> Iterator[Installation]:
    data: Path = tmp_path_factory.mktemp("phones") / "data"
    installation = Installation(data, {**twilio.environment, **plivo.environment, "TOCSIN_CANARY": "off"})
    twilio.tocsin = plivo.tocsin = installation.url
    installation.start()
    try:
        installation.apply(ORGANISATION)
        yield installation
    finally:
        installation.stop()


@pytest.fixture(autouse=True)
def calm(twilio: Twilio, plivo: Plivo) -> Iterator[None]:
    """Every test begins with companies that are well and phones that are answered."""
    yield
    for company in (twilio, plivo):
        company.faults.clear()
        company.texts.clear()
        company.rings.clear()
        for number in (ROBIN, SAM, KIM):
            company.phone(number).manner = Manner.PERSON


def incident(tocsin: Installation, title: str) -> dict[str, Any]:
    return eventually(lambda: [row for row in tocsin.incidents() if row["title"] == title])[0]


def trail(tocsin: Installation, ref: str) -> list[dict[str, Any]]:
    pages = tocsin.api("GET", f"incidents/{ref}")["pages"]
    return [message for page in pages for message in page["notifications"]]


def test_key_one_acknowledges_and_nobody_else_is_told(tocsin: Installation, twilio: Twilio) -> None:
    tocsin.trigger(KEYS["bell"], "cards", "Cards fail", severity="SEV2")
    phone = twilio.phone(ROBIN)
    call = phone.wait_call()
    assert "Severity 2 on bell. Cards fail." in " ".join(call.said)
    ref = incident(tocsin, "Cards fail")["ref"]
    assert phone.press("1") == f"{ref} acknowledged. Robin, it is yours."
    found = tocsin.api("GET", f"incidents/{ref}")
    assert found["acknowledged_at"]
    assert "via phone" in str(found["timeline"]) or "Robin" in str(found["timeline"])
    eventually(lambda: [one["state"] for one in trail(tocsin, ref)] == ["read", "cancelled"])
    with pytest.raises(TimeoutError):
        twilio.phone(SAM).wait_text(seconds=16)  # the second step would have been after 15 s
    assert phone.texts == []


def test_a_company_that_is_down_is_stood_in_for_and_a_text_answers(
    tocsin: Installation, twilio: Twilio, plivo: Plivo
) -> None:
    twilio.faults.always(Status(503), path="/2010-04-01")
    tocsin.trigger(KEYS["post"], "disk", "Disk full", severity="SEV2")
    phone = plivo.phone(KIM)
    text = phone.wait_text("Disk full")
    ref = incident(tocsin, "Disk full")["ref"]
    number = ref.removeprefix("INC-")
    assert text.startswith(f"SEV2 post: Disk full. Reply ack {number}, res {number} or esc {number}. http://")
    assert phone.reply(f"ack {number}") == f"{ref} acknowledged. Kim, it is yours."
    assert phone.reply(f"ack {number}").startswith(ref)
    (message,) = trail(tocsin, ref)
    assert "twilio: 20503" in str(message["trail"])


def test_a_call_that_nobody_answers_brings_the_next_way_early(
    tocsin: Installation, twilio: Twilio, plivo: Plivo
) -> None:
    twilio.phone(ROBIN).manner = plivo.phone(ROBIN).manner = Manner.NEVER
    tocsin.trigger(KEYS["bell"], "cart", "Carts fail", severity="SEV2")
    text = twilio.phone(ROBIN)
    eventually(lambda: [one for one in twilio.texts if one.to == ROBIN])  # an hour before its time
    assert text.calls[0].status == "no-answer"
    ref = incident(tocsin, "Carts fail")["ref"]
    assert "nobody answered" in str(trail(tocsin, ref))
    twilio.phone(ROBIN).manner = Manner.PERSON
    assert tocsin.api("POST", f"incidents/{ref}/resolve")["status"] == "resolved"
    twilio.phone(ROBIN).wait_text("Resolved")


def test_callbacks_that_are_late_lost_or_repeated_change_nothing(
    tocsin: Installation, twilio: Twilio
) -> None:
    twilio.faults.returning(Back(late_s=1.5), Back(times=3))  # "sent" after "delivered", which comes thrice
    tocsin.trigger(KEYS["post"], "mail", "Mail is stuck", severity="SEV2")
    twilio.phone(KIM).wait_text("Mail is stuck")
    ref = incident(tocsin, "Mail is stuck")["ref"]
    eventually(lambda: [one["state"] for one in trail(tocsin, ref)] == ["delivered"])
    twilio.settled()
    eventually(lambda: len(twilio.returned) >= 4)
    (message,) = trail(tocsin, ref)
    results = [attempt["result"] for attempt in message["trail"]]
    assert (message["state"], results.count("delivered"), results.count("sent")) == ("delivered", 1, 1)
    assert all(status == httpx.codes.NO_CONTENT for url, status in twilio.returned if "/message?" in url)
    tocsin.api("POST", f"incidents/{ref}/resolve")


def test_by_hand_keys_are_pressed_on_a_page(tocsin: Installation, twilio: Twilio) -> None:
    tocsin.trigger(KEYS["bell"], "stock", "Stock is wrong", severity="SEV2")
    twilio.phone(ROBIN).wait_call()
    page = httpx.get(twilio.url).text
    assert "Stock is wrong" in page
    assert "<button name=digit value=1>" in page
    answer = httpx.post(f"{twilio.url}/phone/{ROBIN}/press", json={"digit": "2"})
    ref = incident(tocsin, "Stock is wrong")["ref"]
    assert answer.json() == {"said": f"{ref} is resolved."}


def test_a_test_page_is_confirmed_by_a_key(tocsin: Installation, twilio: Twilio) -> None:
    tocsin.api("POST", "users/robin@example.com/test")
    phone = twilio.phone(ROBIN)
    call = phone.wait_call()
    assert "to confirm that you hear this" in " ".join(call.said)
    assert phone.press("9").startswith("This key does nothing here.")
    assert phone.press("1") == "Thank you: it reached you, and we know."
    assert call.status == "completed"
