"""Slack, by two methods of its Web API: `users.lookupByEmail` and `chat.postMessage`.

The bot needs the scopes `chat:write`, `users:read` and `users:read.email`; for public channels that nobody
invited it to, `chat:write.public`. Slack knows no idempotency key for messages: one whose answer was lost may
appear twice. Each carries our key as metadata (`tocsin_message`), so that the two can be told to be one.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from tocsin.adapters.slack import blocks
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.notification.model import MessageKind
from tocsin.lib import http
from tocsin.ports import receipts
from tocsin.ports.channel import Abilities, FieldSpec, Message, Receipt, StillWanted

VENDOR: Final = "slack"
_TIMEOUT_S: Final = 6.0
_LOOKUP_S: Final = 3.0
_PERSON: Final = re.compile(r"[UW][A-Z0-9]{5,20}")
_ROOM: Final = re.compile(r"[CG][A-Z0-9]{5,20}|#[^\s#,<>@&]{1,80}")
_EMAIL: Final = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+")
_MOST_KNOWN: Final = 10_000
_RATE_LIMITED: Final = 429

# https://docs.slack.dev/reference/methods/chat.postMessage#errors
_LATER: Final = frozenset(
    {
        "ratelimited",
        "rate_limited",
        "message_limit_exceeded",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
    }
)
_OURS: Final = {
    "invalid_auth": "TOCSIN_SLACK_BOT_TOKEN is not valid",
    "not_authed": "TOCSIN_SLACK_BOT_TOKEN is not valid",
    "token_revoked": "TOCSIN_SLACK_BOT_TOKEN was revoked",
    "token_expired": "TOCSIN_SLACK_BOT_TOKEN has expired",
    "account_inactive": "the bot or its workspace was deleted; make TOCSIN_SLACK_BOT_TOKEN anew",
    "missing_scope": "the app lacks a scope: it needs chat:write, users:read and users:read.email",
    "not_allowed_token_type": "TOCSIN_SLACK_BOT_TOKEN must be a bot's token (xoxb-…)",
    "no_permission": "the app may not do this: install it in the workspace again",
    "access_denied": "the workspace forbids it to the app",
    "accesslimited": "the workspace limits from which network the app may call",
    "ekm_access_denied": "the workspace's administrators have suspended messages",
    "org_login_required": "the workspace is being moved to an organisation",
    "two_factor_setup_required": "the workspace demands two factors of the app's owner",
}
_NOBODY: Final = {
    "users_not_found": "nobody in Slack has this e-mail address",
    "user_not_found": "there is no such member in Slack",
    "user_not_visible": "the app cannot see this member",
    "user_disabled": "the member was deactivated",
}
_WORDS: Final = {
    "channel_not_found": "there is no such channel or member, or the app cannot see it (/invite it there)",
    "not_in_channel": "the app is not in this channel: /invite it there",
    "is_archived": "the channel is archived",
    "messages_tab_disabled": "the app's Messages tab is off: turn it on under App Home",
    "restricted_action": "the channel does not let the app post",
    "msg_too_long": "Slack finds the message too long",
}


class SlackChannel:
    type = "slack"
    title = "Slack"
    fields: Sequence[FieldSpec] = ()
    counts = True
    abilities = Abilities(rooms=True)
    address = FieldSpec(
        "address",
        "Member",
        "Your e-mail address in Slack, or your member ID (Profile → ⋮ → Copy member ID).",
        placeholder="alice@example.com",
    )

    def __init__(self, token: str, base_url: str) -> None:
        self._token = token
        headers = {"authorization": f"Bearer {token}"}
        self._client = http.client(base_url, trusted=True, headers=headers)
        self._known: dict[str, str] = {}  # e-mail → member ID, which Slack never gives to somebody else

    @property
    def ready(self) -> str:
        return "" if self._token else "Slack is not set up: TOCSIN_SLACK_BOT_TOKEN is missing"

    def check_address(self, address: str) -> str:
        address = address.strip()
        if _PERSON.fullmatch(address) or _ROOM.fullmatch(address):
            return address
        if _EMAIL.fullmatch(address):
            return address.lower()
        problem = "Expected an e-mail address, a member ID such as U012AB3CD, or for a policy a #channel."
        raise Invalid(FieldError("address", problem))

    def probe(self) -> str:
        """As whom the token works. Raises HttpError."""
        answer = self._client.post("auth.test").json()
        if not answer.get("ok"):
            error = str(answer.get("error"))
            raise http.HttpError(f"Slack says {error}: {_OURS.get(error, 'check TOCSIN_SLACK_BOT_TOKEN')}")
        return f"works as {answer.get('user')} in {answer.get('team')}"

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        if self.ready:
            return receipts.not_set_up(VENDOR, self.ready)
        room = _ROOM.fullmatch(message.address)
        if room and message.kind is not MessageKind.ROOM:
            return receipts.refused(VENDOR, "this is a channel: others would read what is meant for one")
        try:
            to = message.address
            if _EMAIL.fullmatch(to):
                to, problem = self._member(to)
                if problem:
                    return problem
            if not still_wanted():
                return receipts.WITHDRAWN
            answer = self._client.post(
                "chat.postMessage", json=blocks.document(message, to), timeout_s=_TIMEOUT_S
            )
        except http.HttpError as error:
            return receipts.unanswered(error, VENDOR, refused=isinstance(error, http.RefusedError))
        said, problem = _read(answer)
        if problem:
            if problem.bounced:
                self._known.pop(message.address, None)
            return problem
        return receipts.sent(VENDOR, str(said.get("ts", "")), "Slack took it")

    def _member(self, email: str) -> tuple[str, Receipt | None]:
        if known := self._known.get(email):
            return known, None
        answer = self._client.get("users.lookupByEmail", params={"email": email}, timeout_s=_LOOKUP_S)
        said, problem = _read(answer)
        if problem:
            return "", problem
        found = str(said["user"]["id"])
        if said["user"].get("deleted"):
            return "", receipts.bounced(VENDOR, _said("user_disabled", _NOBODY["user_disabled"]))
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[email] = found
        return found, None


def _read(answer: http.Response) -> tuple[dict[str, Any], Receipt | None]:
    """Slack says 200 to nearly everything; what happened is in `ok` and `error`."""
    try:
        said = answer.json()
    except http.HttpError:
        said = {}
    if isinstance(said, dict) and said.get("ok") is True:
        return said, None
    error = str(said.get("error") or "") if isinstance(said, dict) else ""
    if answer.status == _RATE_LIMITED or error in _LATER:
        return {}, receipts.later(VENDOR, f"Slack says {error or answer.status}", answer.retry_after_s)
    if words := _OURS.get(error):
        return {}, receipts.not_set_up(VENDOR, _said(error, words))
    if words := _NOBODY.get(error):
        return {}, receipts.bounced(VENDOR, _said(error, words))
    if error:
        return {}, receipts.refused(VENDOR, _said(error, _WORDS.get(error, "")))
    if answer.ok:  # something that is not Slack answers at this address
        return {}, receipts.later(VENDOR, "Slack's answer cannot be read; check TOCSIN_SLACK_API_BASE_URL")
    return {}, receipts.by_status(VENDOR, answer.status, f"HTTP {answer.status}", answer.retry_after_s)


def _said(error: str, words: str) -> str:
    return f"Slack says {error}: {words}" if words else f"Slack says {error}"
