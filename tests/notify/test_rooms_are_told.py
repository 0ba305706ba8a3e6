"""What a policy says to a chat room: a message like others, and nobody's page."""

import pytest

from tests.escalation.conftest import NOW
from tests.notify.fakes import FakeChannel
from tests.notify.test_messages_leave import call, seconds, states, work
from tocsin.apps.identity.models import User
from tocsin.apps.notify import actions, delivery, queries
from tocsin.apps.notify.models import Reached
from tocsin.apps.notify.types import Post
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.severity import Severity
from tocsin.lib import bus
from tocsin.ports import registry
from tocsin.ports.channel import Abilities, Receipt, Result
from tocsin.ports.events import NotificationFailed, PersonUnreachable

pytestmark = pytest.mark.django_db


@pytest.fixture
def slack(mail: FakeChannel, monkeypatch: pytest.MonkeyPatch) -> FakeChannel:
    channel = FakeChannel(type="slack", title="Slack", abilities=Abilities(rooms=True))
    monkeypatch.setitem(registry.channels, "slack", channel)
    return channel


def post(via: str = "slack") -> list[str]:
    subject = Subject(7, "INC-7", "Checkout is down", Severity.SEV2, "checkout")
    posts = (Post(via, "#ops", subject, "step 2 of payments", 5, 7, 2),)
    return actions.post_many(posts=posts, now=NOW)


def test_a_room_is_told_once(slack: FakeChannel) -> None:
    assert post() == [""]
    assert work() == [Result.SENT]
    assert work(NOW + seconds(600)) == []
    (message,) = slack.sent
    assert (message.kind, message.address, message.recipient) == (MessageKind.ROOM, "#ops", "")
    assert message.lines == ("step 2 of payments",)
    assert [(a.name, a.url.endswith("/incidents/INC-7")) for a in message.actions] == [("view", True)]
    assert not Reached.objects.exists()


def test_it_stands_among_the_pages_of_the_incident_and_is_nobodys(slack: FakeChannel) -> None:
    post()
    work()
    (page,) = queries.pages_of_incident(7)
    assert (page.email, page.kind, page.notifications[0].state) == ("", MessageKind.ROOM, "sent")
    assert queries.called(7) == ()


def test_peoples_first_pages_leave_before_it(people: dict[str, User], slack: FakeChannel) -> None:
    post()
    call()
    assert [job.kind for job in delivery.claim("w1", NOW, 10)] == [MessageKind.PAGE, MessageKind.ROOM]


def test_it_is_tried_again_and_its_failing_is_told(slack: FakeChannel) -> None:
    slack.answers = [Receipt(Result.RETRY, "503"), Receipt(Result.FAILED, "channel_not_found")]
    failed: list[NotificationFailed] = []
    unreachable: list[PersonUnreachable] = []
    post()
    with (
        bus.listening(NotificationFailed, failed.append),
        bus.listening(PersonUnreachable, unreachable.append),
    ):
        assert work() == [Result.RETRY]
        assert work(NOW + seconds(2)) == [Result.FAILED]
    assert [(news.email, news.detail) for news in failed] == [("", "channel_not_found")]
    assert unreachable == []


def test_it_is_not_told_after_the_call_out_ended(slack: FakeChannel) -> None:
    post()
    actions.stop(call_out_id=5, email=None, reason="acknowledged", now=NOW)
    assert work() == []
    assert states() == ["cancelled"]


@pytest.mark.parametrize(
    ("via", "why"),
    [
        ("carrier-pigeon", "there is no channel “carrier-pigeon”"),
        ("email", "E-mail reaches people, not rooms"),
    ],
)
def test_a_channel_that_cannot_is_said_with_its_reason(slack: FakeChannel, via: str, why: str) -> None:
    assert post(via) == [why]
    assert states() == ["suppressed"]
    (page,) = queries.pages_of_incident(7)
    assert page.notifications[0].reason == f"step 2 of payments; not sent: {why}"
