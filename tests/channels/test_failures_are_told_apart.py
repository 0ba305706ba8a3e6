"""What each vendor's refusals mean for the message: again, another way, or an address that is over."""

from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module

import pytest

from tests.channels.conftest import CHAT, Case, message
from tocsin.adapters.mattermost.channel import MattermostChannel
from tocsin.adapters.slack.channel import SlackChannel
from tocsin.adapters.telegram.channel import TelegramChannel
from tocsin.lib import http
from tocsin.ports.channel import Receipt, Result
from tocsin.testing import slack
from tocsin.testing.faults import Drop, Hang, Status
from tocsin.testing.mailbox import free_port
from tocsin.testing.telegram import TOKEN

LATER = (Result.RETRY, False, False)  # result, bounced, theirs
OURS = (Result.FAILED, False, False)  # they refuse us, not this message
REFUSED = (Result.FAILED, False, True)
OVER = (Result.FAILED, True, True)


def meaning(receipt: Receipt) -> tuple[Result, bool, bool]:
    return receipt.result, receipt.bounced, receipt.theirs


def test_a_vendor_that_asks_for_patience_gets_as_much_as_it_says(case: Case) -> None:
    case.server.faults.always(Status(429, retry_after_s=17))
    receipt = case.send(message())
    assert meaning(receipt) == LATER
    if case.channel.type != "apprise":  # which does not tell
        assert receipt.retry_after_s == 17


@pytest.mark.parametrize(
    "fault", [Status(500), Status(502, body="<html>bad gateway</html>"), Status(503), Drop()]
)
def test_a_vendor_that_is_not_well_is_tried_again(case: Case, fault: Status | Drop) -> None:
    case.server.faults.always(fault)
    assert meaning(case.send(message())) == LATER
    case.server.faults.clear()
    assert case.send(message()).result is Result.SENT


def test_a_vendor_that_does_not_answer_in_time_is_tried_again(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module(type(case.channel).__module__)
    for name in ("_TIMEOUT_S", "_LOOKUP_S", "_WAIT_S"):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, 0.2)
    case.server.faults.always(Hang(1.0))
    receipt = case.send(message())
    assert meaning(receipt) == LATER
    assert "did not answer" in receipt.detail


def test_nothing_listens(case: Case, stack: ExitStack) -> None:
    case.server.stop()
    assert meaning(case.send(message())) == LATER
    case.server.start()


SLACK: list[tuple[str, tuple[Result, bool, bool], str]] = [
    ("invalid_auth", OURS, "TOCSIN_SLACK_BOT_TOKEN is not valid"),
    ("token_revoked", OURS, "revoked"),
    ("account_inactive", OURS, "make TOCSIN_SLACK_BOT_TOKEN anew"),
    ("missing_scope", OURS, "users:read.email"),
    ("users_not_found", OVER, "nobody in Slack"),
    ("user_not_found", OVER, "no such member"),
    ("user_disabled", OVER, "deactivated"),
    ("channel_not_found", REFUSED, "/invite it there"),
    ("not_in_channel", REFUSED, "/invite it there"),
    ("is_archived", REFUSED, "archived"),
    ("msg_too_long", REFUSED, "too long"),
    ("never_heard_of", REFUSED, "never_heard_of"),
    ("ratelimited", LATER, "ratelimited"),
    ("internal_error", LATER, "internal_error"),
    ("fatal_error", LATER, "fatal_error"),
    ("service_unavailable", LATER, "service_unavailable"),
]


@pytest.mark.parametrize("case", ["slack"], indirect=True)
@pytest.mark.parametrize(("error", "expected", "words"), SLACK)
def test_slack(case: Case, error: str, expected: tuple[Result, bool, bool], words: str) -> None:
    case.server.faults.next(Status(200, body={"ok": False, "error": error}))
    receipt = case.send(message())
    assert (meaning(receipt), receipt.vendor) == (expected, "slack")
    assert words in receipt.detail


def test_slack_bounces_whoever_left_the_workspace(stack: ExitStack) -> None:
    server = stack.enter_context(slack.Slack())
    server.member("alice@example.com", deleted=True)
    channel = SlackChannel(slack.TOKEN, server.url)
    stack.callback(channel._client.close)
    receipt = channel.send(message(address="alice@example.com"), lambda: True)
    assert meaning(receipt) == OVER


MATTERMOST: list[tuple[Status, tuple[Result, bool, bool], str]] = [
    (Status(401), OURS, "TOCSIN_MATTERMOST_TOKEN is not valid"),
    (Status(403), REFUSED, "add the bot"),
    (Status(404), OVER, "nobody in Mattermost"),
    (Status(404, body="<html>not here</html>"), REFUSED, "404"),
    (Status(429, headers={"x-ratelimit-reset": "9"}), LATER, "429"),
    (Status(413), REFUSED, "413"),
]


@pytest.mark.parametrize("case", ["mattermost"], indirect=True)
@pytest.mark.parametrize(("fault", "expected", "words"), MATTERMOST)
def test_mattermost(case: Case, fault: Status, expected: tuple[Result, bool, bool], words: str) -> None:
    case.server.faults.next(fault)
    receipt = case.send(message())
    assert (meaning(receipt), receipt.vendor) == (expected, "mattermost")
    assert words in receipt.detail
    if fault.headers:
        assert receipt.retry_after_s == 9


@pytest.mark.parametrize("case", ["mattermost"], indirect=True)
def test_mattermost_bounces_a_deactivated_account(case: Case) -> None:
    case.server.user("alice", "alice@example.com", deactivated=True)  # type: ignore[attr-defined]  # of this case
    assert meaning(case.send(message())) == OVER


@pytest.mark.parametrize("case", ["teams"], indirect=True)
@pytest.mark.parametrize(
    ("deed", "expected"),
    [
        (lambda teams: teams.turn_off("alice"), OVER),
        (lambda teams: teams.delete("alice"), OVER),
        (lambda teams: teams.faults.next(Status(401)), OVER),
        (lambda teams: teams.faults.next(Status(410)), OVER),
        (lambda teams: teams.faults.next(Status(400, body={"error": {"code": "InvalidRequest"}})), REFUSED),
        (lambda teams: teams.faults.next(Status(403)), REFUSED),
        (lambda teams: teams.faults.next(Status(413)), REFUSED),
    ],
)
def test_teams(case: Case, deed: Callable[[object], None], expected: tuple[Result, bool, bool]) -> None:
    deed(case.server)
    assert meaning(case.send(message())) == expected


def telegram(code: int, description: str, **parameters: object) -> Status:
    body = {"ok": False, "error_code": code, "description": description, "parameters": parameters}
    return Status(code, body=body)


TELEGRAM: list[tuple[Status, tuple[Result, bool, bool], str]] = [
    (telegram(401, "Unauthorized"), OURS, "TOCSIN_TELEGRAM_BOT_TOKEN is not valid"),
    (telegram(404, "Not Found"), OURS, "TOCSIN_TELEGRAM_BOT_TOKEN is not valid"),
    (telegram(403, "Forbidden: bot was blocked by the user"), OVER, "blocked"),
    (telegram(403, "Forbidden: user is deactivated"), OVER, "deactivated"),
    (telegram(403, "Forbidden: bot can't initiate conversation with a user"), REFUSED, "/start"),
    (telegram(400, "Bad Request: chat not found"), OVER, "/start"),
    (telegram(400, "Bad Request: message is too long"), REFUSED, "too long"),
    (telegram(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1007), REFUSED, "-1007"),
    (telegram(429, "Too Many Requests", retry_after=5), LATER, "Too Many"),
]


@pytest.mark.parametrize("case", ["telegram"], indirect=True)
@pytest.mark.parametrize(("fault", "expected", "words"), TELEGRAM)
def test_telegram(case: Case, fault: Status, expected: tuple[Result, bool, bool], words: str) -> None:
    case.server.faults.next(fault)
    receipt = case.send(message())
    assert (meaning(receipt), receipt.vendor) == (expected, "telegram")
    assert words in receipt.detail


@pytest.mark.parametrize("case", ["telegram"], indirect=True)
def test_who_blocks_the_bot_is_not_written_to_again(case: Case) -> None:
    case.server.block(CHAT)  # type: ignore[attr-defined]  # of this case
    assert meaning(case.send(message())) == OVER


NTFY: list[tuple[Status, tuple[Result, bool, bool], str]] = [
    (Status(401), OURS, "TOCSIN_NTFY_TOKEN"),
    (Status(403), OURS, "TOCSIN_NTFY_TOKEN"),
    (Status(400, body={"code": 40009, "error": "topic invalid"}), REFUSED, "topic invalid"),
    (Status(413), REFUSED, "413"),
    (Status(429, body={"code": 42908, "error": "daily message quota reached"}), OURS, "day's messages"),
    (Status(200, body="<html>a captive portal</html>"), LATER, "not ntfy's"),
]


@pytest.mark.parametrize("case", ["ntfy"], indirect=True)
@pytest.mark.parametrize(("fault", "expected", "words"), NTFY)
def test_ntfy(case: Case, fault: Status, expected: tuple[Result, bool, bool], words: str) -> None:
    case.server.faults.next(fault)
    receipt = case.send(message())
    assert meaning(receipt) == expected
    assert words in receipt.detail


PUSH: list[tuple[Status, tuple[Result, bool, bool], str]] = [
    (Status(404), OVER, "is over"),
    (Status(410), OVER, "is over"),
    (Status(403, body="VAPID public key mismatch"), OVER, "TOCSIN_SECRET_KEY has changed"),
    (Status(403, body={"reason": "BadJwtToken"}), OURS, "clock"),
    (Status(413), REFUSED, "too long"),
    (Status(400), REFUSED, "400"),
]


@pytest.mark.parametrize("case", ["push"], indirect=True)
@pytest.mark.parametrize(("fault", "expected", "words"), PUSH)
def test_push(case: Case, fault: Status, expected: tuple[Result, bool, bool], words: str) -> None:
    case.server.faults.next(fault)
    receipt = case.send(message())
    assert (meaning(receipt), receipt.vendor) == (expected, "push")
    assert words in receipt.detail


@pytest.mark.parametrize("case", ["apprise"], indirect=True)
@pytest.mark.parametrize(
    ("status", "expected"), [(401, REFUSED), (404, REFUSED), (400, REFUSED), (500, LATER), (429, LATER)]
)
def test_apprise(case: Case, status: int, expected: tuple[Result, bool, bool]) -> None:
    case.server.faults.next(Status(status))
    receipt = case.send(message())
    assert (meaning(receipt), receipt.vendor) == (expected, "apprise-gotify")
    assert str(status) in receipt.detail


@pytest.mark.parametrize("case", ["slack", "mattermost", "telegram"], indirect=True)
def test_another_server_at_the_address_costs_nobody_theirs(case: Case) -> None:
    """A wrong setting, a proxy's page: what is not the vendor's own word disables no address."""
    for status in (200, 301, 404, 403, 410):
        case.server.faults.next(Status(status, body="<html>a proxy's page</html>"))
        receipt = case.send(message())
        assert not receipt.bounced, receipt
        assert receipt.result is not Result.SENT


@pytest.mark.parametrize("kind", ["mattermost", "slack", "telegram"])
def test_without_its_settings_a_channel_says_which_is_missing(kind: str, stack: ExitStack) -> None:
    made = {
        "mattermost": lambda: MattermostChannel("", ""),
        "slack": lambda: SlackChannel("", "https://slack.com/api"),
        "telegram": lambda: TelegramChannel("", "https://api.telegram.org", listens=False),
    }[kind]()
    stack.callback(made._client.close)
    missing = {
        "mattermost": "TOCSIN_MATTERMOST_URL and TOCSIN_MATTERMOST_TOKEN are missing",
        "slack": "Slack is not set up: TOCSIN_SLACK_BOT_TOKEN is missing",
        "telegram": "Telegram is not set up: TOCSIN_TELEGRAM_BOT_TOKEN is missing",
    }[kind]
    assert missing in made.ready
    assert meaning(made.send(message(address="1"), lambda: True)) == OURS


def test_a_bots_token_is_in_no_receipt_and_no_probe(stack: ExitStack) -> None:
    channel = TelegramChannel(TOKEN, f"http://127.0.0.1:{free_port()}", listens=False)
    stack.callback(channel._client.close)
    receipt = channel.send(message(address="4711"), lambda: True)
    assert receipt.result is Result.RETRY
    assert "rehearsal" not in receipt.detail
    with pytest.raises(http.HttpError) as caught:
        channel.probe()
    assert "rehearsal" not in str(caught.value)
