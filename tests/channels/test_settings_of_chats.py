"""How chat and push vendors are set up, and what the doctor says of them."""

import pytest

from tocsin.adapters.telegram.hook import TelegramHook
from tocsin.config import messengers
from tocsin.config.options import Options, read
from tocsin.config.roles import chatlines
from tocsin.lib.env import WrongSettingsError
from tocsin.ports import registry
from tocsin.testing import mattermost, telegram
from tocsin.testing.faults import Status
from tocsin.testing.mattermost import Mattermost
from tocsin.testing.ntfy import Ntfy
from tocsin.testing.telegram import Telegram

BASE = {"TOCSIN_SECRET_KEY": "x" * 30, "TOCSIN_PUBLIC_URL": "https://tocsin.example.com"}


def options(**given: str) -> Options:
    return read({**BASE, **given})


def test_half_a_mattermost_is_refused() -> None:
    with pytest.raises(WrongSettingsError, match="TOCSIN_MATTERMOST_TOKEN is missing"):
        options(TOCSIN_MATTERMOST_URL="https://chat.example.com")


def test_every_channel_is_there_and_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "channels", {})
    monkeypatch.setattr(registry, "hooks", {})
    messengers.fill(options())
    missing = {kind: channel.ready for kind, channel in registry.channels.items()}
    assert missing == {
        "slack": "Slack is not set up: TOCSIN_SLACK_BOT_TOKEN is missing",
        "mattermost": (
            "Mattermost is not set up: TOCSIN_MATTERMOST_URL and TOCSIN_MATTERMOST_TOKEN are missing"
        ),
        "teams": "",
        "telegram": "Telegram is not set up: TOCSIN_TELEGRAM_BOT_TOKEN is missing",
        "ntfy": "",
        "push": "",
        "apprise": "",
    }
    assert registry.hooks == {}
    messengers.fill(options(TOCSIN_TELEGRAM_BOT_TOKEN="1:x"))
    assert registry.channels["telegram"].ready == ""
    assert isinstance(registry.hooks["telegram"], TelegramHook)


def test_a_worker_has_telegrams_answers_sent_here() -> None:
    with Telegram() as server:
        found = options(TOCSIN_TELEGRAM_BOT_TOKEN=telegram.TOKEN, TOCSIN_TELEGRAM_API_URL=server.url)
        messengers.listen(found)
        assert server.hook.url == "https://tocsin.example.com/callbacks/telegram/updates"
        assert len(server.hook.secret) == 64
        server.faults.always(Status(500))
        messengers.listen(found)  # and does not mind when Telegram is away


def test_the_doctor_says_what_works() -> None:
    with Telegram() as bot, Mattermost() as chat, Ntfy() as push:
        found = options(
            TOCSIN_TELEGRAM_BOT_TOKEN=telegram.TOKEN,
            TOCSIN_TELEGRAM_API_URL=bot.url,
            TOCSIN_MATTERMOST_URL=chat.url,
            TOCSIN_MATTERMOST_TOKEN=mattermost.TOKEN,
            TOCSIN_NTFY_URL=push.url,
        )
        lines = {line[0]: line[1:3] for line in chatlines.look(found)}
    assert lines["mattermost"] == ("fine", "works as tocsin")
    assert lines["telegram"][0] == "fine"
    assert "no webhook is set yet" in lines["telegram"][1]
    assert lines["ntfy"][0] == "fine"
    assert lines["push"][0] == "fine"


def test_the_doctor_says_what_does_not() -> None:
    with Telegram() as bot, Mattermost() as chat:
        found = options(
            TOCSIN_TELEGRAM_BOT_TOKEN="1:wrong-token",
            TOCSIN_TELEGRAM_API_URL=bot.url,
            TOCSIN_MATTERMOST_URL=chat.url,
            TOCSIN_MATTERMOST_TOKEN="wrong-token",
            TOCSIN_NTFY_URL="http://127.0.0.1:9",
            TOCSIN_PUBLIC_URL="http://tocsin.example.com",
        )
        lines = {line[0]: line[1:] for line in chatlines.look(found)}
    assert lines["mattermost"][:2] == ("failed", "Mattermost says 401 api.context.session_expired.app_error")
    assert lines["telegram"][:2] == ("failed", "Telegram says 401 Unauthorized")
    assert lines["ntfy"][0] == "failed"
    assert lines["push"][0] == "warning"
    assert "wrong-token" not in str(lines)


def test_the_doctor_asks_nobody_who_is_not_set_up() -> None:
    states = {line[0]: line[1] for line in chatlines.look(options())}
    assert states == {"mattermost": "skipped", "telegram": "skipped", "ntfy": "skipped", "push": "fine"}
