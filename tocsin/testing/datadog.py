"""Datadog's API for webhooks, and its webhooks: what is set up here can be fired.

    with Datadog() as datadog:
        # TOCSIN_DATADOG_API_URL=datadog.url TOCSIN_DATADOG_API_KEY=api TOCSIN_DATADOG_APP_KEY=app
        datadog.fire("tocsin", AGGREG_KEY="k", ALERT_TRANSITION="Triggered", EVENT_TITLE="[Triggered] CPU")

Variables that were not given are left empty, as the vendor leaves those that do not apply; names that are no
variables stay as they are. `python -m tocsin.testing.datadog` runs one for a rehearsal.
"""

import json
import re
from typing import Any, Final

import click

from tocsin.lib import http
from tocsin.testing.server import Call, Reply, Server, rehearse

API_KEY: Final = "api"
APP_KEY: Final = "app"
_ROOT: Final = "/api/v1/integration/webhooks/configuration/"
_VARIABLE: Final = re.compile(r"\$(?P<name>[A-Z][A-Z0-9_]*)(?P<tag>\[[\w.-]+\])?")
_CUSTOM: Final = re.compile(r"[A-Z0-9_]+")
_KNOWN: Final = frozenset(
    {
        *("AGGREG_KEY", "ALERT_CYCLE_KEY", "ALERT_ID", "ALERT_METRIC", "ALERT_PRIORITY", "ALERT_QUERY"),
        *("ALERT_SCOPE", "ALERT_STATUS", "ALERT_TITLE", "ALERT_TRANSITION", "ALERT_TYPE", "DATE", "EMAIL"),
        *("EVENT_MSG", "EVENT_TITLE", "EVENT_TYPE", "HOSTNAME", "ID", "INCIDENT_PUBLIC_ID", "INCIDENT_TITLE"),
        *("INCIDENT_SEVERITY", "INCIDENT_STATUS", "INCIDENT_URL", "INCIDENT_MSG", "LAST_UPDATED", "LINK"),
        *("LOGS_SAMPLE", "METRIC_NAMESPACE", "ORG_ID", "ORG_NAME", "PRIORITY", "SECURITY_RULE_NAME"),
        *("SECURITY_SIGNAL_ID", "SECURITY_SIGNAL_SEVERITY", "SNAPSHOT", "SYNTHETICS_TEST_NAME"),
        *("SYNTHETICS_FIRST_FAILING_STEP_NAME", "SYNTHETICS_SUMMARY", "TAGS", "TEXT_ONLY_MSG", "USER"),
        "USERNAME",
    }
)


class Datadog(Server):
    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.webhooks: dict[str, dict[str, Any]] = {}
        self.variables: dict[str, dict[str, Any]] = {}

    def handle(self, call: Call) -> Reply:
        keys = (call.headers.get("dd-api-key"), call.headers.get("dd-application-key"))
        if keys != (API_KEY, APP_KEY):
            return Reply(403, {"errors": ["Forbidden"]})
        where, _, name = call.path.removeprefix(_ROOT).partition("/")
        kept = {"webhooks": self.webhooks, "custom-variables": self.variables}.get(where)
        if not call.path.startswith(_ROOT) or kept is None:
            return Reply(404, {"errors": ["Not found"]})
        if not name:
            return (
                self._made(kept, call) if call.method == "POST" else Reply(405, {"errors": ["Not allowed"]})
            )
        if name not in kept:
            return Reply(404, {"errors": [f"{name} not found"]})
        if call.method == "PUT":
            changed = {**kept[name], **call.json}
            kept[changed["name"]] = changed
            if changed["name"] != name:
                del kept[name]
            return Reply(200, _shown(changed))
        if call.method == "DELETE":
            del kept[name]
            return Reply(200, {})
        return Reply(200, _shown(kept[name]))

    def _made(self, kept: dict[str, dict[str, Any]], call: Call) -> Reply:
        given = call.json
        name = given.get("name", "")
        wanted = ("name", "url") if kept is self.webhooks else ("name", "value", "is_secret")
        missing = [each for each in wanted if each not in given]
        if missing:
            return Reply(400, {"errors": [f"Missing required field: {', '.join(missing)}"]})
        if kept is self.variables and not _CUSTOM.fullmatch(name):
            return Reply(400, {"errors": ["Invalid name: upper-case letters, digits and underscores only"]})
        if name in kept:
            return Reply(400, {"errors": [f"{name} already exists"]})
        plain = {"custom_headers": None, "encode_as": "json", "payload": None}
        kept[name] = {**plain, **given} if kept is self.webhooks else given
        return Reply(201, _shown(kept[name]))

    def fire(self, name: str = "tocsin", **given: str) -> http.Response:
        """As a monitor that mentions @webhook-<name> does. `TAGS` gives `$TAGS[key]` too."""
        webhook = self.webhooks[name]
        payload = self._filled(webhook["payload"] or "{}", given, quoted=True)
        headers = {"content-type": "application/json"}
        headers |= json.loads(self._filled(webhook["custom_headers"] or "{}", given, quoted=True))
        with http.client(trusted=True) as client:
            return client.post(
                self._filled(webhook["url"], given, quoted=False), content=payload.encode(), headers=headers
            )

    def _filled(self, text: str, given: dict[str, str], *, quoted: bool) -> str:
        tags = dict(tag.strip().partition(":")[::2] for tag in given.get("TAGS", "").split(","))

        def value(found: re.Match[str]) -> str:
            name, tag = found["name"], found["tag"]
            if tag and name == "TAGS":
                said = tags.get(tag[1:-1], "")
            elif name in self.variables:
                said = str(self.variables[name]["value"]) + (tag or "")
            elif name in _KNOWN:
                said = given.get(name, "") + (tag or "")
            else:
                return found[0]
            return json.dumps(said, ensure_ascii=False)[1:-1] if quoted else said

        return _VARIABLE.sub(value, text)


def _shown(kept: dict[str, Any]) -> dict[str, Any]:
    """A secret is never shown again."""
    return {name: value for name, value in kept.items() if not (name == "value" and kept.get("is_secret"))}


@click.command()
@click.option("--port", default=0)
def main(port: int) -> None:
    rehearse(
        Datadog(port),
        lambda url: (
            f"TOCSIN_DATADOG_API_URL={url} TOCSIN_DATADOG_API_KEY={API_KEY} TOCSIN_DATADOG_APP_KEY={APP_KEY}"
        ),
    )


if __name__ == "__main__":
    main()
