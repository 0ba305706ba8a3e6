"""Before a shift: the test page arrives by mail, and its button confirms it without a login."""

import re
from datetime import timedelta

import httpx

from tests.endtoend.harness import Installation, eventually
from tocsin.lib import clock
from tocsin.testing.mailbox import Mailbox

ORGANISATION = """
users:
  - email: nell@example.com
    name: Nell
    contact_methods: [{{type: email, address: nell@example.com}}]
rotations:
  - {{name: nights, type: daily, start: "{start}", timezone: UTC, participants: [nell@example.com]}}
schedules:
  - {{name: nightly, layers: [{{rotation: nights}}]}}
"""


def test_the_button_in_the_mail_confirms(tocsin: Installation, mailbox: Mailbox) -> None:
    start = (clock.now() + timedelta(minutes=40)).replace(second=0, microsecond=0, tzinfo=None)
    tocsin.apply(ORGANISATION.format(start=start.isoformat(timespec="minutes")))
    mail = mailbox.wait(lambda mail: mail.to == "nell@example.com" and "Are you ready?" in mail.subject, 60)
    link = re.search(r"^I am ready\s+(\S+)", mail.text, re.MULTILINE)
    assert link, mail.text
    assert "I am ready" in httpx.get(link[1]).raise_for_status().text

    def confirmed() -> bool:
        (asked,) = tocsin.api("GET", "oncall/readiness?schedule=nightly")["items"]
        return asked["confirmed_at"] is not None

    assert not confirmed()
    httpx.post(link[1]).raise_for_status()
    eventually(confirmed)
