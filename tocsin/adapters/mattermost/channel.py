"""Mattermost, by its REST API (v4), as a bot with a personal access token.

`pending_post_id` is our key: a server that gets the same one again within half a minute answers with the post
that it made the first time.
"""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from tocsin.adapters.mattermost.post import attachment
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.notification.model import MessageKind
from tocsin.lib import http
from tocsin.ports import receipts
from tocsin.ports.channel import Abilities, FieldSpec, Message, Receipt, StillWanted

VENDOR: Final = "mattermost"
_TIMEOUT_S: Final = 4.0
_LOOKUP_S: Final = 2.0
_NAME: Final = re.compile(r"@?([A-Za-z0-9][A-Za-z0-9._-]{0,63})")
_EMAIL: Final = re.compile(r"[^@\s<>,;\"/]+@[^@\s<>,;\"/]+\.[^@\s<>,;\"/]+")
_ROOM: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}/[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOST_KNOWN: Final = 10_000
_UNAUTHORISED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404


class _Refused(Exception):
    """Carries the receipt of a step that failed."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(receipt.detail)
        self.receipt = receipt


class MattermostChannel:
    type = "mattermost"
    title = "Mattermost"
    fields: Sequence[FieldSpec] = ()
    counts = True
    abilities = Abilities(rooms=True)
    address = FieldSpec(
        "address", "User", "Your username or e-mail address in Mattermost.", placeholder="@alice"
    )

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        headers = {"authorization": f"Bearer {token}"}
        self._client = http.client(f"{url}/api/v4" if url else "", trusted=True, headers=headers)
        self._me = ""
        self._known: dict[str, str] = {}  # address → channel

    @property
    def ready(self) -> str:
        settings = {"TOCSIN_MATTERMOST_URL": self._url, "TOCSIN_MATTERMOST_TOKEN": self._token}
        missing = [name for name, value in settings.items() if not value]
        if not missing:
            return ""
        are = "is" if len(missing) == 1 else "are"
        return f"Mattermost is not set up: {' and '.join(missing)} {are} missing"

    def check_address(self, address: str) -> str:
        address = address.strip()
        if _EMAIL.fullmatch(address):
            return address.lower()
        if match := _NAME.fullmatch(address):
            return f"@{match[1].lower()}"
        if _ROOM.fullmatch(address):
            return address
        problem = "Expected a username such as @alice, an e-mail address, or for a policy team/channel."
        raise Invalid(FieldError("address", problem))

    def probe(self) -> str:
        """As whom the token works. Raises HttpError."""
        answer = self._client.get("users/me")
        if not answer.ok:
            raise http.HttpError(f"Mattermost says {_said(answer)}")
        return f"works as {answer.json().get('username')}"

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        if self.ready:
            return receipts.not_set_up(VENDOR, self.ready)
        if _ROOM.fullmatch(message.address) and message.kind is not MessageKind.ROOM:
            return receipts.refused(VENDOR, "this is a channel: others would read what is meant for one")
        try:
            channel = self._channel(message.address)
            if not still_wanted():
                return receipts.WITHDRAWN
            document = {
                "channel_id": channel,
                "message": "",
                "pending_post_id": message.key,
                "props": {"attachments": [attachment(message)], "tocsin_key": message.key},
            }
            answer = self._client.post("posts", json=document, timeout_s=_TIMEOUT_S)
            made = _read(answer, "")
        except _Refused as error:
            self._known.pop(message.address, None)  # a channel may be made anew under its name
            return error.receipt
        except http.HttpError as error:
            return receipts.unanswered(error, VENDOR, refused=isinstance(error, http.RefusedError))
        return receipts.sent(VENDOR, str(made.get("id", "")), "Mattermost took it")

    def _channel(self, address: str) -> str:
        if known := self._known.get(address):
            return known
        if _ROOM.fullmatch(address):
            team, _, name = address.partition("/")
            path = f"teams/name/{quote(team)}/channels/name/{quote(name)}"
            room = self._get(path, "there is no such channel, or the bot is not in its team")
            found = str(room["id"])
        else:
            found = self._direct(address)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[address] = found
        return found

    def _direct(self, address: str) -> str:
        named = _NAME.fullmatch(address)  # in files, the @ may be left out
        path = f"username/{quote(named[1])}" if named else f"email/{quote(address)}"
        user = self._get(f"users/{path}", "nobody in Mattermost is called that", somebody=True)
        if user.get("delete_at"):
            raise _Refused(receipts.bounced(VENDOR, "Mattermost says the account was deactivated"))
        if not self._me:
            self._me = str(self._get("users/me", "")["id"])
        pair = [self._me, str(user["id"])]
        return str(_read(self._client.post("channels/direct", json=pair, timeout_s=_LOOKUP_S), "")["id"])

    def _get(self, path: str, missing: str, *, somebody: bool = False) -> dict[str, Any]:
        return _read(self._client.get(path, timeout_s=_LOOKUP_S), missing, somebody=somebody)


def _read(answer: http.Response, missing: str, *, somebody: bool = False) -> dict[str, Any]:
    """`missing`: what a 404 means here; `somebody`: that the address is nobody's. Raises _Refused."""
    if answer.ok:
        found = answer.json()
        if not isinstance(found, dict) or "id" not in found:
            raise _Refused(
                receipts.later(VENDOR, "the answer is not Mattermost's; check TOCSIN_MATTERMOST_URL")
            )
        return found
    if answer.status == _UNAUTHORISED:
        said = f"Mattermost says {_said(answer)}: TOCSIN_MATTERMOST_TOKEN is not valid"
        raise _Refused(receipts.not_set_up(VENDOR, said))
    # Any other server at this address says 404 as well; only Mattermost's own word is about the person.
    if answer.status == _NOT_FOUND and missing and _error(answer):
        said = f"Mattermost says {_said(answer)}: {missing}"
        raise _Refused((receipts.bounced if somebody else receipts.refused)(VENDOR, said))
    if answer.status == _FORBIDDEN:
        said = f"Mattermost says {_said(answer)}: add the bot to the team and the channel"
        raise _Refused(receipts.refused(VENDOR, said))
    raise _Refused(
        receipts.by_status(VENDOR, answer.status, f"Mattermost says {_said(answer)}", _wait(answer))
    )


def _wait(answer: http.Response) -> float | None:
    """Mattermost says in `X-Ratelimit-Reset` after how many seconds it takes more."""
    reset = answer.headers.get("x-ratelimit-reset", "")
    return answer.retry_after_s or (float(reset) if reset.isdigit() else None)


def _said(answer: http.Response) -> str:
    """Its error's id is stable; its message is in the server's language."""
    return f"{answer.status} {_error(answer)}".strip()[:150]


def _error(answer: http.Response) -> str:
    """ "" when the answer is not Mattermost's."""
    try:
        document = answer.json()
    except http.HttpError:
        return ""
    return str(document.get("id") or "") if isinstance(document, dict) else ""
