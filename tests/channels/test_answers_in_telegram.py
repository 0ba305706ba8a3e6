"""/start, buttons pressed in a chat, and words typed there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse

from tests.channels.conftest import CHAT, message
from tests.incidents.conftest import Company, company
from tests.telephony.house import House
from tocsin.adapters.telegram.channel import TelegramChannel
from tocsin.adapters.telegram.hook import TelegramHook
from tocsin.adapters.telegram.text import document
from tocsin.apps.identity.models import User
from tocsin.apps.notify.models import ContactMethod, NotificationRule
from tocsin.domain.notification.model import MessageKind
from tocsin.lib import clock, http
from tocsin.ports import registry
from tocsin.ports.callback import Answer, BadSignatureError, CallbackRequest, Deed
from tocsin.ports.channel import Action
from tocsin.testing.faults import Back
from tocsin.testing.telegram import Telegram

__all__ = ["company"]

SECRET = "a secret of the hook"
HEADER = "x-telegram-bot-api-secret-token"


def request(update: Any, secret: str = SECRET) -> CallbackRequest:
    body = update if isinstance(update, bytes) else json.dumps(update).encode()
    headers = {HEADER: secret}
    return CallbackRequest("POST", "https://t.example.com", "updates", headers, {}, (), body, clock.now())


def text(said: str, kind: str = "private", chat: int = CHAT) -> dict[str, Any]:
    return {
        "update_id": 7,
        "message": {"chat": {"id": chat, "type": kind}, "from": {"id": CHAT}, "text": said, "message_id": 1},
    }


def press(data: str, chat: int = CHAT) -> dict[str, Any]:
    place = {"chat": {"id": chat, "type": "private" if chat > 0 else "supergroup"}, "message_id": 1}
    return {
        "update_id": 8,
        "callback_query": {"id": "q1", "from": {"id": CHAT}, "message": place, "data": data},
    }


def replied(update: Any, *said: str) -> dict[str, Any]:
    reply = TelegramHook(SECRET).reply(request(update), said)
    assert reply.content_type == "application/json"
    found: dict[str, Any] = json.loads(reply.body)
    return found


@pytest.mark.parametrize("secret", ["", "another", SECRET[:-1]])
def test_only_telegram_is_heard(secret: str) -> None:
    with pytest.raises(BadSignatureError):
        TelegramHook(SECRET).hear(request(text("ack"), secret))


@pytest.mark.parametrize(
    ("data", "deed", "key"),
    [
        ("acknowledge:k1", Deed.ACKNOWLEDGE, "k1"),
        ("resolve:k1", Deed.RESOLVE, "k1"),
        ("escalate:k:with:colons", Deed.ESCALATE, "k:with:colons"),
        ("decline:k1", Deed.DECLINE, "k1"),
        ("stop:k1", Deed.UNKNOWN, "k1"),
        ("nonsense", Deed.UNKNOWN, ""),
    ],
)
def test_a_press_names_its_message(data: str, deed: Deed, key: str) -> None:
    heard = TelegramHook(SECRET).hear(request(press(data)))
    assert list(heard) == [Answer("telegram", str(CHAT), deed, key=key, id="telegram:8")]


def test_in_a_group_it_is_the_person_who_pressed() -> None:
    (heard,) = TelegramHook(SECRET).hear(request(press("acknowledge:k1", chat=-100)))
    assert isinstance(heard, Answer)
    assert heard.address == str(CHAT)


def test_words_are_read_in_private_only() -> None:
    hook = TelegramHook(SECRET)
    assert list(hook.hear(request(text("/ack 12")))) == [
        Answer("telegram", str(CHAT), Deed.WORDS, text="ack 12", id="telegram:7")
    ]
    assert list(hook.hear(request(text("ack 12", "supergroup", -100)))) == []
    assert list(hook.hear(request({"update_id": 1, "edited_message": {}}))) == []


@pytest.mark.parametrize("said", ["/start", "/start abc", "/start@tocsin_bot", "/id"])
def test_start_is_answered_with_the_number_of_the_chat(said: str) -> None:
    assert list(TelegramHook(SECRET).hear(request(text(said)))) == []
    answer = replied(text(said))
    assert (answer["method"], answer["chat_id"]) == ("sendMessage", CHAT)
    assert f"Your chat ID is {CHAT}" in answer["text"]
    assert "chat: '-100'" in replied(text(said, "supergroup", -100))["text"]


def test_a_press_is_answered_where_it_was_pressed() -> None:
    answer = replied(press("acknowledge:k1"), "It is yours. " + "x" * 300)
    assert (answer["method"], answer["callback_query_id"]) == ("answerCallbackQuery", "q1")
    assert answer["text"].startswith("It is yours.")
    assert len(answer["text"]) == 200
    assert "does not know this account" in replied(press("acknowledge:k1"), "")["text"]


@pytest.mark.parametrize("body", [b"", b"[]", b"no json", b'{"callback_query": {"data": "x", "id": "1"}}'])
def test_what_is_no_update_is_a_400(body: bytes, db: None) -> None:
    registry.hooks["telegram"] = TelegramHook(SECRET)
    try:
        answer = House(company=None).web.post(  # type: ignore[arg-type]  # nobody is needed here
            "/callbacks/telegram/updates", body, content_type="application/json", headers={HEADER: SECRET}
        )
    finally:
        del registry.hooks["telegram"]
    assert answer.status_code == 400


def test_buttons_act_where_answers_are_heard_and_open_pages_elsewhere() -> None:
    actions = (
        Action("acknowledge", "Acknowledge", "https://t.example.com/a/1"),
        Action("view", "Open", "https://t.example.com/a/2"),
    )
    sent = message(address=str(CHAT), actions=actions)
    acts = document(sent, acts=True)["reply_markup"]["inline_keyboard"][0]
    assert acts[0] == {"text": "Acknowledge", "callback_data": f"acknowledge:{sent.key}"}
    assert acts[1] == {"text": "Open", "url": "https://t.example.com/a/2"}
    opens = document(sent, acts=False)["reply_markup"]["inline_keyboard"][0]
    assert [button["url"] for button in opens] == ["https://t.example.com/a/1", "https://t.example.com/a/2"]
    room = document(message(MessageKind.ROOM, address="-100", actions=()), acts=True)
    assert room["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == f"acknowledge:{sent.key}"
    long = message(address=str(CHAT), actions=actions, key="k" * 60)
    assert "callback_data" not in document(long, acts=True)["reply_markup"]["inline_keyboard"][0][0]


# ---- all the way: a page, a press in the chat, an incident that is acknowledged ----


class _Telegram(Telegram):
    """Tells what people do to Django's test client instead of over the net."""

    house: House

    def _tell(self, update: dict[str, Any]) -> list[Any]:
        told = json.dumps({"update_id": self._next(), **update})
        answers: list[Any] = []
        for _ in range(self.faults.take_back().times):
            made: HttpResponse = self.house.web.post(
                "/callbacks/telegram/updates",
                told,
                content_type="application/json",
                headers={HEADER: self.hook.secret},
            )
            answers.append(json.loads(made.content))
        return answers


@pytest.fixture
def house(company: Company) -> House:
    found = House(company)
    user = User.objects.get(email="mate@example.com")
    ContactMethod.objects.create(
        user=user, type="telegram", address=str(CHAT), position=1, verified_at=company.now
    )
    NotificationRule.objects.create(user=user, urgency="high", after_s=0, via="telegram")
    return found


@pytest.fixture
def telegram(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Telegram]:
    with _Telegram() as server:
        server.house = house
        server.group(CHAT)
        channel = TelegramChannel(server.token, server.url, listens=True)
        channel.listen("https://t.example.com/callbacks/telegram/updates", SECRET)
        monkeypatch.setitem(registry.channels, "telegram", channel)
        monkeypatch.setitem(registry.hooks, "telegram", TelegramHook(SECRET))
        yield server
        channel._client.close()


def test_a_press_acknowledges_once_however_often_it_is_told(house: House, telegram: _Telegram) -> None:
    ref = house.fire().ref
    telegram.faults.returning(Back(times=2))
    first, second = telegram.press(CHAT, "Acknowledge")
    assert first == second
    assert first["method"] == "answerCallbackQuery"
    assert house.show(ref).acknowledged_by == "mate@example.com"


def test_words_in_the_chat_act_as_those_in_an_sms(house: House, telegram: _Telegram) -> None:
    made = house.fire()
    (answer,) = telegram.write(CHAT, f"ack {made.ref.removeprefix('INC-')}")
    assert (answer["method"], answer["chat_id"]) == ("sendMessage", CHAT)
    assert house.show(made.ref).acknowledged_by == "mate@example.com"


def test_a_stranger_does_nothing(house: House, telegram: _Telegram) -> None:
    made = house.fire()
    data = telegram.messages(CHAT)[-1].buttons[0]["callback_data"]
    (answer,) = telegram.press_data(999, str(data))
    assert "does not know this account" in answer["text"]
    assert house.show(made.ref).acknowledged_by is None


def test_the_probe_says_whether_answers_come_here(telegram: _Telegram) -> None:
    channel = registry.channels["telegram"]
    assert isinstance(channel, TelegramChannel)
    assert channel.probe() == "works as @tocsin_rehearsal_bot, and hears answers"
    telegram.hook.failed = "Wrong response from the webhook: 502"
    assert "could not reach us lately" in channel.probe()
    telegram.hook.url = ""
    assert "no webhook is set yet" in channel.probe()
    wrong = TelegramChannel("1:wrong", telegram.url, listens=True)
    with pytest.raises(http.HttpError, match="401 Unauthorized"):
        wrong.probe()
    wrong._client.close()
