"""What a stand-in takes from us proves something only if the vendor's own client gets on with it too."""

import asyncio
import json
from datetime import timedelta

import apprise
import pytest
import telegram as bots
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02
from pywebpush import WebPushException, webpush
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.channels.conftest import CHAT
from tocsin.lib import http
from tocsin.testing import slack
from tocsin.testing.faults import Back, Drop, Hang, Status
from tocsin.testing.ntfy import Ntfy
from tocsin.testing.push import PushService, _text
from tocsin.testing.slack import Slack
from tocsin.testing.telegram import Telegram

PUSH_KEY = "Bu0PrK1HNQPJuqiSqLDdQtPGZ2a3dJ9mRMKbWGOLmzU"  # a VAPID private key of this test's own


def test_slack_sdk() -> None:
    with Slack() as server:
        alice = server.member("alice@example.com")
        server.room("ops")
        server.room("elsewhere", joined=False)
        client = WebClient(slack.TOKEN, base_url=f"{server.url}/")
        assert client.auth_test()["user"] == "tocsin"
        assert client.users_lookupByEmail(email="alice@example.com")["user"]["id"] == alice
        opened = client.conversations_open(users=alice)["channel"]["id"]
        button = {
            "type": "button",
            "text": {"type": "plain_text", "text": "Open"},
            "url": "https://t.example.com",
        }
        made = client.chat_postMessage(
            channel=opened, text="hello", blocks=[{"type": "actions", "elements": [button]}]
        )
        client.chat_update(channel=opened, ts=made["ts"], text="hello again")
        client.chat_postMessage(channel="#ops", text="to all")
        assert [(post.channel, post.text) for post in server.posts] == [
            (opened, "hello again"),
            ("C0000001", "to all"),
        ]
        with pytest.raises(SlackApiError, match="not_in_channel"):
            client.chat_postMessage(channel="#elsewhere", text="x")
        with pytest.raises(SlackApiError, match="users_not_found"):
            client.users_lookupByEmail(email="nobody@example.com")
        with pytest.raises(SlackApiError, match="invalid_auth"):
            WebClient("xoxb-wrong", base_url=f"{server.url}/").auth_test()
        server.faults.next(Status(429, retry_after_s=3))
        with pytest.raises(SlackApiError) as caught:
            client.auth_test()
        assert caught.value.response.headers["Retry-After"] == "3"


def test_python_telegram_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # what its next major version gives

    async def talk(server: Telegram) -> None:
        async with bots.Bot(server.token, base_url=f"{server.url}/bot") as bot:
            assert (await bot.get_me()).username == "tocsin_rehearsal_bot"
            markup = bots.InlineKeyboardMarkup([[bots.InlineKeyboardButton("Go", callback_data="go")]])
            sent = await bot.send_message(CHAT, "<b>hello</b>", parse_mode="HTML", reply_markup=markup)
            assert sent.chat.id == CHAT
            with pytest.raises(bots.error.BadRequest, match="hat not found"):
                await bot.send_message(999, "x")
            server.faults.next(Status(429, retry_after_s=7))
            with pytest.raises(bots.error.RetryAfter) as caught:
                await bot.send_message(CHAT, "x")
            assert caught.value.retry_after == timedelta(seconds=7)
            server.block(CHAT)
            with pytest.raises(bots.error.Forbidden, match="blocked"):
                await bot.send_message(CHAT, "x")
            await bot.set_webhook("http://127.0.0.1:9/hook", secret_token="s3cret")
            assert (await bot.get_webhook_info()).url == "http://127.0.0.1:9/hook"
            await bot.answer_callback_query("1", "done")

    with Telegram() as server:
        server.group(CHAT)
        asyncio.run(talk(server))
        assert [(each.text, each.buttons[0]["text"]) for each in server.messages(CHAT)] == [("hello", "Go")]
        assert server.hook.secret == "s3cret"
        assert server.hook.said[0]["text"] == "done"


def test_what_telegram_tells_us_is_an_update_to_its_library() -> None:
    with Telegram() as server, Ntfy() as receiver:
        server.hook.url = f"{receiver.url}/hook"
        server.write(CHAT, "ack 12")
        server.press_data(CHAT, "acknowledge:k1")
        heard, pressed = (bots.Update.de_json(json.loads(call.body), None) for call in receiver.calls)
    assert heard is not None
    assert heard.message is not None
    assert (heard.message.text, heard.message.chat.id) == ("ack 12", CHAT)
    assert pressed is not None
    assert pressed.callback_query is not None
    assert (pressed.callback_query.data, pressed.callback_query.from_user.id) == ("acknowledge:k1", CHAT)


def test_apprise_publishes_to_our_ntfy() -> None:
    with Ntfy() as server:
        host = server.url.removeprefix("http://")
        assert apprise.Apprise.instantiate(f"ntfy://{host}/alice").notify("words", title="A title")
        (shown,) = server.messages("alice")
        assert (shown["title"], shown["message"]) == ("A title", "words")
        with http.client() as client:
            polled = client.get(f"{server.url}/alice/json?poll=1")
        assert [json.loads(line)["id"] for line in polled.text.splitlines()] == [shown["id"]]


def test_pywebpush_reaches_only_the_browser_that_asked_for_it() -> None:
    key = Vapid02.from_string(PUSH_KEY)
    with PushService() as service:
        public = _text(key.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
        mine, others = service.subscribe(public), service.subscribe("somebody else's key")
        for found in (mine, others):
            subscription = {"endpoint": found["endpoint"], "keys": found}
            claims = {"sub": "mailto:tests@example.com"}
            if found is mine:
                webpush(subscription, '{"title": "hi"}', vapid_private_key=key, vapid_claims=claims, ttl=60)
            else:
                with pytest.raises(WebPushException, match="403"):
                    webpush(subscription, "{}", vapid_private_key=key, vapid_claims=claims, ttl=60)
        assert service.shown(mine["endpoint"]) == [{"title": "hi"}]
        assert service.shown(others["endpoint"]) == []


def test_faults_come_in_their_order_then_all_is_well() -> None:
    with Ntfy() as server, http.client(server.url) as client:
        server.faults.next(Status(503), Drop(), Status(429, retry_after_s=2), path="/v1")
        assert client.get("v1/health").status == 503
        with pytest.raises(http.HttpError, match="broke the connection off"):
            client.get("v1/health")
        answer = client.get("v1/health")
        assert (answer.status, answer.retry_after_s) == (429, 2)
        assert client.get("v1/health").status == 200
        assert client.get("elsewhere").status == 404


def test_an_answer_can_be_lost_or_late_after_the_deed_is_done() -> None:
    with Ntfy() as server, http.client(server.url) as client:
        server.faults.next(Drop(taken=True), Hang(0.6))
        with pytest.raises(http.HttpError):
            client.post("", json={"topic": "t", "message": "one", "sequence_id": "k1"})
        with pytest.raises(http.TimedOutError):
            client.post("", json={"topic": "t", "message": "one", "sequence_id": "k1"}, timeout_s=0.2)
        assert len(server.published) == 2
        assert len(server.messages("t")) == 1  # the same key is shown once


def test_callbacks_can_be_late_repeated_and_lost() -> None:
    with Ntfy() as vendor, Ntfy() as us:
        vendor.faults.returning(Back(times=2), Back(times=0), Back(late_s=0.3))
        for _ in range(3):
            vendor.call_back(f"{us.url}/callbacks/x", form={"a": "b"}).join(60)
        assert [call.form for call in us.calls] == [{"a": "b"}] * 3
        assert us.calls[2].at - us.calls[1].at >= 0.25
        assert len(vendor.returned) == 3
