"""What `tocsin doctor` says of chat and push vendors: whether they are there, and take our tokens."""

from collections.abc import Callable, Iterator
from typing import Final

from tocsin.config import messengers
from tocsin.config.options import Options
from tocsin.lib import http

# (what, state, detail, hint), as a finding of the doctor's.
Line = tuple[str, str, str, str]
_PUBLIC_NTFY: Final = "https://ntfy.sh"


def look(options: Options) -> Iterator[Line]:
    chats = options.chats
    mattermost, telegram = messengers.mattermost(options), messengers.telegram(options)
    names = "TOCSIN_MATTERMOST_URL and _TOKEN"
    yield _asked("mattermost", mattermost.probe, names) if not mattermost.ready else _not("mattermost")
    names = "TOCSIN_TELEGRAM_BOT_TOKEN and _API_URL"
    yield _asked("telegram", telegram.probe, names) if not telegram.ready else _not("telegram")
    if chats.ntfy_url == _PUBLIC_NTFY and not chats.ntfy_token:
        yield "ntfy", "skipped", "topics are on the public ntfy.sh, which is not asked", ""
    else:
        yield _asked("ntfy", messengers.ntfy(options).probe, "TOCSIN_NTFY_URL and _TOKEN")
    yield _push(options)


def _not(what: str) -> Line:
    return what, "skipped", "not set up", ""


def _asked(what: str, probe: Callable[[], str], names: str) -> Line:
    try:
        return what, "fine", probe(), ""
    except http.HttpError as error:
        return what, "failed", str(error), f"Check {names}, and that this machine may reach the server."


def _push(options: Options) -> Line:
    missing = messengers.push(options).ready
    if missing:
        hint = "Put a proxy with TLS in front and set TOCSIN_PUBLIC_URL=https://…."
        return "push", "warning", missing, hint
    return "push", "fine", f"browsers can be pushed to from {options.public_url}", ""
