"""Chat and push vendors, as they are set up. Knows no tables: `tocsin doctor` asks it too."""

from typing import Final

from tocsin.adapters.apprise.channel import AppriseChannel
from tocsin.adapters.mattermost.channel import MattermostChannel
from tocsin.adapters.ntfy.channel import NtfyChannel
from tocsin.adapters.push.channel import PushChannel
from tocsin.adapters.push.vapid import Identity
from tocsin.adapters.slack.channel import SlackChannel
from tocsin.adapters.teams.channel import TeamsChannel
from tocsin.adapters.telegram.channel import TelegramChannel
from tocsin.adapters.telegram.hook import TelegramHook
from tocsin.config.options import Options
from tocsin.lib import http, log, signing
from tocsin.ports import registry
from tocsin.ports.channel import Channel

_UPDATES: Final = "callbacks/telegram/updates"
_log = log.get(__name__)


def fill(options: Options) -> None:
    browsers = push(options)
    channels: tuple[Channel, ...] = (
        slack(options),
        mattermost(options),
        TeamsChannel(http.client()),
        telegram(options),
        ntfy(options),
        browsers,
        AppriseChannel(),
    )
    for channel in channels:
        registry.channels[channel.type] = channel
    registry.browsers.key = browsers.identity.public_key
    if options.chats.telegram_token:
        registry.hooks["telegram"] = TelegramHook(_telegram_secret(options))


def slack(options: Options) -> SlackChannel:
    return SlackChannel(options.slack.bot_token, options.slack.api_base_url)


def mattermost(options: Options) -> MattermostChannel:
    return MattermostChannel(options.chats.mattermost_url, options.chats.mattermost_token)


def telegram(options: Options) -> TelegramChannel:
    chats = options.chats
    # Telegram calls https addresses only; a Bot API server of one's own calls any.
    listens = options.https or not chats.telegram_api_url.startswith("https://")
    return TelegramChannel(chats.telegram_token, chats.telegram_api_url, listens=listens)


def ntfy(options: Options) -> NtfyChannel:
    ours = http.client(options.chats.ntfy_url, trusted=True)
    return NtfyChannel(ours, http.client(), options.chats.ntfy_token)


def push(options: Options) -> PushChannel:
    contact = options.public_url if options.https else f"mailto:tocsin@{options.public_host}"
    return PushChannel(http.client(), Identity(options.secret_key, contact), options.public_url)


def listen(options: Options) -> None:
    """Has the answers that people give in Telegram sent here; the same again does no harm."""
    channel = telegram(options)
    if channel.ready or not channel.abilities.answers:
        return
    try:
        channel.listen(f"{options.public_url}/{_UPDATES}", _telegram_secret(options))
    except http.HttpError as error:
        _log.warning("Telegram's answers do not come here", error=str(error))


def _telegram_secret(options: Options) -> str:
    return signing.derived(options.secret_key, "telegram").hex()
