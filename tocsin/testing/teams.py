"""Microsoft Teams' workflows “When a Teams webhook request is received”.

    with Teams() as teams:
        address = teams.workflow("alice")     # a contact method of type teams points at it
        teams.cards("alice")                  # what was posted there, oldest first
        teams.turn_off("alice")               # as when its owner turns it off

`python -m tocsin.testing.teams` runs one for a rehearsal.
"""

from collections import defaultdict
from typing import Any, Final

import click

from tocsin.testing.server import Call, Reply, Server, rehearse

_SIGNATURE: Final = "rehearsal-signature"
_MOST_BYTES: Final = 28 * 1024


class Teams(Server):
    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._cards: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._known: set[str] = set()
        self._off: set[str] = set()

    def workflow(self, name: str) -> str:
        self._known.add(name)
        return f"{self.url}{self.path(name)}"

    @staticmethod
    def path(name: str) -> str:
        return f"/workflows/{name}/triggers/manual/paths/invoke?api-version=1&sig={_SIGNATURE}"

    def turn_off(self, name: str) -> None:
        self._off.add(name)

    def delete(self, name: str) -> None:
        self._known.discard(name)

    def cards(self, name: str) -> list[dict[str, Any]]:
        return list(self._cards[name])

    def handle(self, call: Call) -> Reply:
        name = call.path.removeprefix("/workflows/").partition("/")[0]
        if call.query.get("sig") != _SIGNATURE:
            return _error(401, "DirectApiAuthorizationRequired")
        if name not in self._known:
            return _error(404, "WorkflowNotFound")
        if name in self._off:
            return _error(400, "WorkflowTriggerIsNotEnabled")
        if len(call.body) > _MOST_BYTES:
            return _error(413, "RequestEntityTooLarge")
        attachments = call.json.get("attachments") or []
        cards = [each["content"] for each in attachments if each["contentType"].endswith("card.adaptive")]
        if not cards:
            return _error(400, "InvalidRequest")
        self._cards[name] += cards
        return Reply(202, headers={"x-ms-workflow-run-id": f"run{len(self._cards[name]):08}"})


class _Rehearsal(Teams):
    def start(self) -> None:
        super().start()
        self.workflow("me")


def _error(status: int, code: str) -> Reply:
    return Reply(status, {"error": {"code": code, "message": code}})


@click.command()
@click.option("--port", default=8473, show_default=True, help="Where to listen, on loopback.")
def main(*, port: int) -> None:
    """Teams' workflows for a rehearsal: prints what is posted, until Ctrl-C."""
    rehearse(_Rehearsal(port), lambda url: f"a contact method of type teams: {url}{Teams.path('me')}")


if __name__ == "__main__":
    main()
