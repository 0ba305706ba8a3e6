"""Slack's Web API, as far as Tocsin calls it, with a workspace of its own.

    with Slack() as slack:
        slack.member("alice@example.com")      # → "U0000001"
        slack.room("ops", joined=True)         # → "C0000001"
        # TOCSIN_SLACK_BOT_TOKEN=xoxb-rehearsal TOCSIN_SLACK_API_BASE_URL=slack.url
        slack.posts                            # what was posted, oldest first

`python -m tocsin.testing.slack` runs one for a rehearsal: every e-mail address is a member's there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import click

from tocsin.testing.faults import Status
from tocsin.testing.server import Call, Reply, Server, rehearse

TOKEN: Final = "xoxb-rehearsal"  # noqa: S105 - of a stand-in
_TOO_MANY: Final = 429


@dataclass(frozen=True)
class Post:
    ts: str
    channel: str
    document: Mapping[str, Any]

    @property
    def text(self) -> str:
        return str(self.document.get("text", ""))

    @property
    def links(self) -> list[tuple[str, str]]:
        """(label, URL) of every button."""
        blocks = [
            *self.document.get("blocks", ()),
            *(block for each in self.document.get("attachments", ()) for block in each.get("blocks", ())),
        ]
        elements = (e for block in blocks if block["type"] == "actions" for e in block["elements"])
        return [(each["text"]["text"], each["url"]) for each in elements if "url" in each]


class Slack(Server):
    def __init__(self, port: int = 0, *, everybody: bool = False) -> None:
        """`everybody`: each e-mail address that is asked for becomes a member's."""
        super().__init__(port)
        self.posts: list[Post] = []
        self._everybody = everybody
        self._members: dict[str, dict[str, Any]] = {}  # by e-mail
        self._rooms: dict[str, tuple[str, bool]] = {}  # by name: ID, whether the bot is in it

    def member(self, email: str, *, deleted: bool = False) -> str:
        found = self._members.setdefault(email, {"id": f"U{len(self._members) + 1:07}"})
        found["deleted"] = deleted
        return str(found["id"])

    def room(self, name: str, *, joined: bool = True) -> str:
        made = f"C{len(self._rooms) + 1:07}"
        self._rooms[name] = (made, joined)
        return made

    def refusal(self, status: Status) -> Any:
        return {"ok": False, "error": "ratelimited" if status.code == _TOO_MANY else "internal_error"}

    def handle(self, call: Call) -> Reply:
        # The SDK sends the token in the body or the header.
        given = call.headers.get("authorization", "").removeprefix("Bearer ") or call.fields.get("token", "")
        if not given:
            return _no("not_authed")
        if given != TOKEN:
            return _no("invalid_auth")
        method = call.path.rsplit("/", maxsplit=1)[-1]
        deeds = {
            "auth.test": self._auth,
            "users.lookupByEmail": self._lookup,
            "conversations.open": self._open,
            "chat.postMessage": self._post,
            "chat.update": self._update,
        }
        return deeds[method](call.fields) if method in deeds else _no("unknown_method")

    def _auth(self, _: Mapping[str, Any]) -> Reply:
        said = {"user": "tocsin", "user_id": "U0BOT", "bot_id": "B0BOT", "team": "Rehearsal", "team_id": "T1"}
        return _yes(url=f"{self.url}/", **said)

    def _lookup(self, fields: Mapping[str, Any]) -> Reply:
        email = str(fields.get("email", ""))
        if email not in self._members and self._everybody:
            self.member(email)
        found = self._members.get(email)
        return _yes(user={**found, "profile": {"email": email}}) if found else _no("users_not_found")

    def _open(self, fields: Mapping[str, Any]) -> Reply:
        users = str(fields.get("users", ""))
        if users not in self._ids():
            return _no("user_not_found")
        return _yes(channel={"id": f"D{users[1:]}"})

    def _post(self, fields: Mapping[str, Any]) -> Reply:
        asked = str(fields.get("channel", ""))
        rooms = self._rooms
        joined = rooms.get(asked.removeprefix("#")) or next(
            (r for r in rooms.values() if r[0] == asked), None
        )
        if joined is not None:
            channel, inside = joined
            if not inside:
                return _no("not_in_channel")
        elif asked in self._ids():
            channel = f"D{asked[1:]}"
        elif asked.startswith("D") and f"U{asked[1:]}" in self._ids():
            channel = asked
        else:
            return _no("channel_not_found")
        document = _parsed(fields)
        if not document.get("text") and not document.get("blocks") and not document.get("attachments"):
            return _no("no_text")
        post = Post(f"1700000000.{len(self.posts) + 1:06}", channel, document)
        self.posts.append(post)
        return _yes(channel=channel, ts=post.ts, message={"text": post.text, "ts": post.ts})

    def _update(self, fields: Mapping[str, Any]) -> Reply:
        for number, post in enumerate(self.posts):
            if post.ts == fields.get("ts"):
                document = _parsed(fields)
                self.posts[number] = Post(post.ts, post.channel, document)
                return _yes(channel=post.channel, ts=post.ts)
        return _no("message_not_found")

    def _ids(self) -> set[str]:
        return {str(each["id"]) for each in self._members.values()}


def _yes(**fields: Any) -> Reply:
    return Reply(200, {"ok": True, **fields})


def _no(error: str) -> Reply:
    return Reply(200, {"ok": False, "error": error})


def _parsed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The SDK's forms carry blocks as JSON text."""
    carried = {
        name: json.loads(value)
        for name, value in fields.items()
        if name in {"blocks", "attachments", "metadata"} and isinstance(value, str)
    }
    return {**fields, **carried}


@click.command()
@click.option("--port", default=8471, show_default=True, help="Where to listen, on loopback.")
def main(*, port: int) -> None:
    """A Slack for a rehearsal: prints what is posted, until Ctrl-C."""
    slack = Slack(port, everybody=True)
    rehearse(slack, lambda url: f"TOCSIN_SLACK_BOT_TOKEN={TOKEN} TOCSIN_SLACK_API_BASE_URL={url}")


if __name__ == "__main__":
    main()
