"""The settings of chat and push vendors other than Slack, whose settings are more than that."""

from dataclasses import dataclass

from tocsin.lib.env import Env


@dataclass(frozen=True)
class Chats:
    mattermost_url: str
    mattermost_token: str
    telegram_token: str
    telegram_api_url: str
    ntfy_url: str
    ntfy_token: str


def read(env: Env) -> Chats:
    url, token = env.url("TOCSIN_MATTERMOST_URL"), env.text("TOCSIN_MATTERMOST_TOKEN")
    env.together("Mattermost", {"TOCSIN_MATTERMOST_URL": url, "TOCSIN_MATTERMOST_TOKEN": token})
    return Chats(
        mattermost_url=url,
        mattermost_token=token,
        telegram_token=env.text("TOCSIN_TELEGRAM_BOT_TOKEN"),
        telegram_api_url=env.url("TOCSIN_TELEGRAM_API_URL", "https://api.telegram.org"),
        ntfy_url=env.url("TOCSIN_NTFY_URL", "https://ntfy.sh"),
        ntfy_token=env.text("TOCSIN_NTFY_TOKEN"),
    )
