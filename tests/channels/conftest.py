from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from tocsin.adapters.apprise.channel import AppriseChannel
from tocsin.adapters.mattermost.channel import MattermostChannel
from tocsin.adapters.ntfy.channel import NtfyChannel
from tocsin.adapters.push.channel import PushChannel
from tocsin.adapters.push.vapid import Identity
from tocsin.adapters.slack.channel import SlackChannel
from tocsin.adapters.teams.channel import TeamsChannel
from tocsin.adapters.telegram.channel import TelegramChannel
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.severity import Severity, Urgency
from tocsin.lib import http
from tocsin.ports.channel import Action, Channel, Listed, Message, Receipt
from tocsin.testing import mattermost, slack
from tocsin.testing.mattermost import Mattermost
from tocsin.testing.ntfy import Ntfy
from tocsin.testing.push import PushService
from tocsin.testing.server import Call, Reply, Server
from tocsin.testing.slack import Slack
from tocsin.testing.teams import Teams
from tocsin.testing.telegram import Telegram

ABOUT_NOTHING = {
    MessageKind.TEST,
    MessageKind.CODE,
    MessageKind.DUTY,
    MessageKind.ADMIN,
    MessageKind.INVITATION,
}
SUBJECT = Subject(12, "INC-12", "Orders fail <b>now</b> & *often* _here_", Severity.SEV1, "checkout")
NOTHING = Subject(0, "", "", Severity.SEV4, "Tocsin")
ACKNOWLEDGE = Action("acknowledge", "Acknowledge", "https://t.example.com/a/aaaa.bbbb?z=1&q=2")
VIEW = Action("view", "Open the incident", "https://t.example.com/a/cccc.dddd")
CHAT = 4711


def message(kind: MessageKind = MessageKind.PAGE, **fields: object) -> Message:
    nothing = kind in ABOUT_NOTHING
    values: dict[str, object] = {
        "key": "01890000-aaaa-7bbb-8ccc-000000000001",
        "kind": kind,
        "address": "",
        "recipient": "Alice",
        "subject": NOTHING if nothing else SUBJECT,
        "urgency": Urgency.LOW if kind is MessageKind.RESOLVED else Urgency.HIGH,
        "headline": "Your code for Tocsin: 123456" if kind is MessageKind.CODE else SUBJECT.title,
        "lines": ("Half of all payments are lost.", "Why you: on call for payments"),
        "actions": () if kind in {MessageKind.TEST, MessageKind.CODE} else (ACKNOWLEDGE, VIEW),
        "thread": "page-3" if nothing else "incident-12",
    }
    return Message(**{**values, **fields})  # type: ignore[arg-type]  # the tests' own short form


BUNDLE = message(
    headline="2 incidents",
    lines=("INC-12 SEV1 checkout: Orders fail", "Why you: on call for payments"),
    listed=(
        Listed("INC-12", "Orders fail", "SEV1", "checkout"),
        Listed("INC-13", "Cards are refused", "SEV2", "payments"),
    ),
    actions=(Action("acknowledge_all", "Acknowledge all", "https://t.example.com/a/eeee.ffff"), VIEW),
)


class Gotify(Server):
    """A server that Apprise knows."""

    def handle(self, call: Call) -> Reply:
        return Reply(200, {"id": len(self.calls)})


@dataclass
class Case:
    """A channel, the stand-in that it talks to, and how what arrived there is read."""

    channel: Channel
    server: Server
    address: str
    config: dict[str, str] = field(default_factory=dict)
    read: Callable[[], list[str]] = list  # everything that arrived, each with its links
    room: str = ""

    def send(self, each: Message, *, address: str = "", wanted: bool = True) -> Receipt:
        fields = {"address": address or self.address, "config": self.config}
        return self.channel.send(Message(**{**vars(each), **fields}), lambda: wanted)


def _slack(stack: ExitStack) -> Case:
    server = stack.enter_context(Slack())
    server.member("alice@example.com")
    server.room("ops")
    channel = SlackChannel(slack.TOKEN, server.url)
    stack.callback(channel._client.close)
    return Case(
        channel, server, "alice@example.com", {}, lambda: [str(p.document) for p in server.posts], "#ops"
    )


def _mattermost(stack: ExitStack) -> Case:
    server = stack.enter_context(Mattermost())
    server.user("alice", "alice@example.com")
    server.room("main", "ops")
    channel = MattermostChannel(server.url, mattermost.TOKEN)
    stack.callback(channel._client.close)
    return Case(channel, server, "@alice", {}, lambda: [str(p.document) for p in server.posts], "main/ops")


def _teams(stack: ExitStack) -> Case:
    server = stack.enter_context(Teams())
    client = stack.enter_context(http.client())
    address = server.workflow("alice")
    return Case(
        TeamsChannel(client), server, address, {}, lambda: [str(c) for c in server.cards("alice")], address
    )


def _telegram(stack: ExitStack) -> Case:
    server = stack.enter_context(Telegram())
    server.group(CHAT)
    server.group(-100)
    channel = TelegramChannel(server.token, server.url, listens=False)
    stack.callback(channel._client.close)

    def read() -> list[str]:
        found = [*server.messages(CHAT), *server.messages(-100)]
        return [f"{each.text} {list(each.buttons)}" for each in found]

    return Case(channel, server, str(CHAT), {}, read, "-100")


def _ntfy(stack: ExitStack) -> Case:
    server = stack.enter_context(Ntfy())
    ours, theirs = stack.enter_context(http.client(server.url)), stack.enter_context(http.client())
    channel = NtfyChannel(ours, theirs)
    return Case(channel, server, "alice", {}, lambda: [str(m) for m in server.published], "ops")


def _push(stack: ExitStack) -> Case:
    server = stack.enter_context(PushService())
    client = stack.enter_context(http.client())
    identity = Identity("a secret of the tests", "mailto:tocsin@example.com")
    channel = PushChannel(client, identity, "https://t.example.com")
    config = server.subscribe(identity.public_key)

    def read() -> list[str]:
        return [str(each) for each in server.shown(config["endpoint"])]

    return Case(channel, server, "Firefox", config, read)


def _apprise(stack: ExitStack) -> Case:
    server = stack.enter_context(Gotify())
    address = f"gotify://{server.url.removeprefix('http://')}/tokenXtokenX"
    return Case(
        AppriseChannel(), server, address, {}, lambda: [str(call.json) for call in server.calls], address
    )


MAKERS = {
    "slack": _slack,
    "mattermost": _mattermost,
    "teams": _teams,
    "telegram": _telegram,
    "ntfy": _ntfy,
    "push": _push,
    "apprise": _apprise,
}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


@pytest.fixture
def case(request: pytest.FixtureRequest, stack: ExitStack) -> Case:
    """Of every channel; or, with indirect parameters, of those named."""
    return MAKERS[request.param](stack)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    given = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "case" in metafunc.fixturenames and not any("case" in str(names) for names in given):
        metafunc.parametrize("case", list(MAKERS), indirect=True)
