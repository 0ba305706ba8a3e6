"""An ntfy server: it takes messages as JSON and gives those of a topic back.

    with Ntfy() as ntfy:
        # TOCSIN_NTFY_URL=ntfy.url
        ntfy.messages("tocsin-alice")        # as an app shows them: a repeated one once
        ntfy.press("tocsin-alice", "Acknowledge")
        # GET ntfy.url/tocsin-alice/json?poll=1 gives them, one JSON a line, as the real one does

`python -m tocsin.testing.ntfy` runs one for a rehearsal.
"""

import json
from collections import defaultdict
from typing import Any, Final

import click

from tocsin.lib import http
from tocsin.testing.faults import Status
from tocsin.testing.server import Call, Reply, Server, rehearse

_CODES: Final = {429: (42901, "limit reached: too many requests"), 500: (50001, "internal server error")}
_LONGEST: Final = 4096


class Ntfy(Server):
    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.published: list[dict[str, Any]] = []
        self._tokens: dict[str, str] = defaultdict(str)

    def protect(self, topic: str, token: str) -> None:
        """From now on only this token may write to the topic."""
        self._tokens[topic] = token

    def messages(self, topic: str) -> list[dict[str, Any]]:
        """What an app shows: of the same sequence only the last."""
        shown: dict[str, dict[str, Any]] = {}
        for each in self.published:
            if each["topic"] == topic:
                shown[each.get("sequence_id") or each["id"]] = each
        return list(shown.values())

    def press(self, topic: str, label: str) -> http.Response:
        """The button of the last message, as the app does it: it calls the address itself."""
        buttons = [button for each in self.messages(topic) for button in each["actions"]]
        button = next(each for each in reversed(buttons) if each["label"] == label)
        if button["action"] != "http":
            raise LookupError(f"“{label}” opens a page: {button['url']}")
        with http.client(trusted=True) as client:
            return client.request(button.get("method", "POST"), button["url"])

    def refusal(self, status: Status) -> Any:
        code, error = _CODES.get(status.code, (status.code * 100, "as told"))
        return {"code": code, "http": status.code, "error": error}

    def handle(self, call: Call) -> Reply:
        if call.path == "/v1/health":
            return Reply(200, {"healthy": True})
        if call.method == "GET" and call.path.endswith("/json"):
            topic = call.path.strip("/").partition("/")[0]
            lines = "".join(f"{json.dumps(each)}\n" for each in self.published if each["topic"] == topic)
            return Reply(200, lines, content_type="application/x-ndjson")
        if call.method not in {"POST", "PUT"} or call.path != "/":
            return _error(404, 40401, "page not found")
        document = call.json
        topic = str(document.get("topic", ""))
        if not topic:
            return _error(400, 40009, "invalid request: topic invalid")
        wanted = self._tokens[topic]
        if wanted and call.headers.get("authorization") != f"Bearer {wanted}":
            return _error(403, 40301, "forbidden")
        if len(str(document.get("message", "")).encode()) > _LONGEST:
            return _error(413, 41301, "attachment too large, or bandwidth limit reached")
        kept = {"id": f"m{len(self.published) + 1:09}", "event": "message", "actions": [], **document}
        self.published.append(kept)
        return Reply(200, kept)


def _error(status: int, code: int, error: str) -> Reply:
    return Reply(status, {"code": code, "http": status, "error": error})


@click.command()
@click.option("--port", default=8474, show_default=True, help="Where to listen, on loopback.")
def main(*, port: int) -> None:
    """An ntfy for a rehearsal: prints what is published, until Ctrl-C."""
    rehearse(Ntfy(port), lambda url: f"TOCSIN_NTFY_URL={url}")


if __name__ == "__main__":
    main()
