"""A Mattermost server, as far as Tocsin calls its API.

    with Mattermost() as mattermost:
        mattermost.user("alice", "alice@example.com")
        mattermost.room("main", "ops", joined=True)
        # TOCSIN_MATTERMOST_URL=mattermost.url TOCSIN_MATTERMOST_TOKEN=rehearsal
        mattermost.posts

`python -m tocsin.testing.mattermost` runs one for a rehearsal, with the user alice (alice@example.com) and
the channel main/ops.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import click

from tocsin.testing.faults import Status
from tocsin.testing.server import Call, Reply, Server, rehearse

TOKEN: Final = "rehearsal"  # noqa: S105 - of a stand-in
BOT: Final = "bot00000000000000000000000"
_API: Final = "/api/v4/"


@dataclass(frozen=True)
class Post:
    id: str
    channel: str
    to: str  # a username, or team/channel
    document: Mapping[str, Any]

    @property
    def text(self) -> str:
        return "\n".join(str(each["text"]) for each in self.document["props"]["attachments"])

    @property
    def links(self) -> list[tuple[str, str]]:
        """(label, URL)."""
        return re.findall(r"\[\*\*(.*?)\*\*\]\((\S+?)\)", self.text)


class Mattermost(Server):
    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.posts: list[Post] = []
        self._users: dict[str, dict[str, Any]] = {}  # by username
        self._rooms: dict[str, tuple[str, bool]] = {}  # by team/channel: ID, whether the bot is in it
        self._pending: dict[str, Post] = {}

    def user(self, name: str, email: str, *, deactivated: bool = False) -> str:
        made = f"user{len(self._users) + 1:022}"
        self._users[name] = {
            "id": made,
            "username": name,
            "email": email,
            "delete_at": 1_700_000_000_000 if deactivated else 0,
        }
        return made

    def room(self, team: str, name: str, *, joined: bool = True) -> str:
        made = f"room{len(self._rooms) + 1:022}"
        self._rooms[f"{team}/{name}"] = (made, joined)
        return made

    def refusal(self, status: Status) -> Any:
        return {"id": "api.context.fault.app_error", "message": "as told", "status_code": status.code}

    def handle(self, call: Call) -> Reply:
        if call.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "api.context.session_expired.app_error")
        path = call.path.removeprefix(_API)
        if path == "users/me":
            return Reply(200, {"id": BOT, "username": "tocsin", "is_bot": True})
        if match := re.fullmatch(r"users/(username|email)/(.+)", path):
            return self._user(match[1], match[2])
        if match := re.fullmatch(r"teams/name/([^/]+)/channels/name/([^/]+)", path):
            found = self._rooms.get(f"{match[1]}/{match[2]}")
            return (
                Reply(200, {"id": found[0]})
                if found
                else _error(404, "store.sql_channel.get_by_name.missing")
            )
        if path == "channels/direct":
            first, second = call.json
            return Reply(201, {"id": f"{first}__{second}", "type": "D"})
        if path == "posts":
            return self._post(call.json)
        return _error(404, "api.context.404.app_error")

    def _user(self, by: str, value: str) -> Reply:
        found = next(
            (each for each in self._users.values() if each[by if by == "email" else "username"] == value),
            None,
        )
        return Reply(200, found) if found else _error(404, "app.user.get_by_username.app_error")

    def _post(self, document: dict[str, Any]) -> Reply:
        channel = str(document.get("channel_id", ""))
        to = next((name for name, (made, _) in self._rooms.items() if made == channel), "")
        if to and not self._rooms[to][1]:
            return _error(403, "api.context.permissions.app_error")
        if not to:
            user = channel.partition("__")[2]
            to = next((name for name, each in self._users.items() if each["id"] == user), "")
        if not to:
            return _error(403, "api.context.permissions.app_error")
        pending = str(document.get("pending_post_id", ""))
        post = self._pending.get(pending)
        if post is None:
            post = Post(f"post{len(self.posts) + 1:022}", channel, to, document)
            self.posts.append(post)
            if pending:
                self._pending[pending] = post
        return Reply(201, {**document, "id": post.id})


def _error(status: int, name: str) -> Reply:
    return Reply(status, {"id": name, "message": name, "status_code": status})


@click.command()
@click.option("--port", default=8472, show_default=True, help="Where to listen, on loopback.")
def main(*, port: int) -> None:
    """A Mattermost for a rehearsal: prints what is asked of it, until Ctrl-C."""
    server = Mattermost(port)
    server.user("alice", "alice@example.com")
    server.room("main", "ops")
    rehearse(server, lambda url: f"TOCSIN_MATTERMOST_URL={url} TOCSIN_MATTERMOST_TOKEN={TOKEN}")


if __name__ == "__main__":
    main()
