"""From an event to a message at a vendor, and from its link to an acknowledgement; and what a bounce does."""

import re
from contextlib import ExitStack

import pytest
from django.test import Client

from tests.channels.conftest import CHAT, MAKERS, Case, message
from tests.incidents.conftest import Company, company
from tests.telephony.house import House
from tocsin.apps.identity.models import User
from tocsin.apps.notify import actions as notify
from tocsin.apps.notify.models import ContactMethod, Notification, NotificationRule
from tocsin.apps.notify.types import Post
from tocsin.domain.notification.model import Subject
from tocsin.ports import registry
from tocsin.ports.channel import Result
from tocsin.testing.faults import Drop, Status
from tocsin.testing.ntfy import Ntfy
from tocsin.testing.slack import Slack
from tocsin.testing.telegram import Telegram

__all__ = ["company"]

LINK = re.compile(r"http://testserver/a/[\w.-]+")


@pytest.fixture
def house(company: Company) -> House:
    return House(company)


def reached_by(house: House, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mate's only way, for everything at once."""
    kind = case.channel.type
    monkeypatch.setitem(registry.channels, kind, case.channel)
    user = User.objects.get(email="mate@example.com")
    ContactMethod.objects.create(
        user=user,
        type=kind,
        address=case.address,
        config=case.config,
        position=1,
        verified_at=house.company.now,
    )
    for urgency in ("high", "low"):
        NotificationRule.objects.create(user=user, urgency=urgency, after_s=0, via=kind)


def method() -> ContactMethod:
    return ContactMethod.objects.exclude(type="email").get(user__email="mate@example.com")


def test_its_link_acknowledges(case: Case, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    reached_by(house, case, monkeypatch)
    ref = house.fire().ref
    (arrived,) = case.read()
    assert ref in arrived.replace("\\", "")
    assert "Why you:" in arrived.replace("\\", "")
    # A browser's notification begins with what a press beside its buttons opens.
    link = LINK.findall(arrived)[1 if case.channel.type == "push" else 0]
    answer = Client().post(link.removeprefix("http://testserver"))
    assert answer.status_code == 200
    assert house.show(ref).acknowledged_by == "mate@example.com"


@pytest.mark.parametrize(
    ("case", "path"), [("mattermost", "/api/v4/posts"), ("ntfy", "/")], indirect=["case"]
)
def test_what_was_lost_on_its_way_and_came_again_is_there_once(case: Case, path: str) -> None:
    case.server.faults.next(Drop(taken=True), path=path)
    assert case.send(message()).result is Result.RETRY
    assert case.send(message()).result is Result.SENT
    there = case.server.messages("alice") if isinstance(case.server, Ntfy) else case.read()
    assert len(there) == 1
    assert case.send(message(key="another")).result is Result.SENT
    there = case.server.messages("alice") if isinstance(case.server, Ntfy) else case.read()
    assert len(there) == 2


def test_who_blocked_the_bot_is_disabled_and_told_another_way(
    stack: ExitStack, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = MAKERS["telegram"](stack)
    reached_by(house, case, monkeypatch)
    assert isinstance(case.server, Telegram)
    case.server.block(CHAT)
    house.fire()
    assert "blocked" in method().disabled_reason
    notice = Notification.objects.filter(via="email", page__user__email="mate@example.com").latest("pk")
    assert "telegram" in f"{notice.page.headline} {notice.page.reason} {notice.page.more}".lower()


@pytest.mark.parametrize("status", [401, 500])
def test_a_vendor_that_fails_disables_nobody(
    status: int, stack: ExitStack, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = MAKERS["mattermost"](stack)
    reached_by(house, case, monkeypatch)
    case.server.faults.always(Status(status))
    house.fire()
    assert method().disabled_at is None


def test_a_room_gets_no_persons_link(stack: ExitStack, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    case = MAKERS["slack"](stack)
    monkeypatch.setitem(registry.channels, "slack", case.channel)
    made = house.fire()
    subject = Subject(made.id, made.ref, made.title, made.severity, made.service)
    post = Post("slack", "#ops", subject, "step 1 names this room", made.call_outs[0].id, made.id, 0)
    assert notify.post_many(posts=(post,), now=house.company.now) == [""]
    house.work()
    assert isinstance(case.server, Slack)
    (posted,) = case.server.posts
    assert posted.channel == "C0000001"
    assert posted.links == [("Open the incident", f"http://testserver/incidents/{made.ref}")]
    assert not LINK.findall(str(posted.document))
