"""The outside hears from us only when an event of ours went the whole way; nobody inside sees that event."""

from pathlib import Path

import httpx

from tests.endtoend.harness import Installation, eventually
from tocsin.testing.server import Call, Reply, Server


class Switch(Server):
    def handle(self, call: Call) -> Reply:
        return Reply(200)


def metric(installation: Installation, name: str) -> float:
    text = httpx.get(f"{installation.url}/metrics", timeout=10).text
    return float(next(line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")))


def test_it_is_called_when_the_canary_has_arrived_and_nobody_sees_the_canary(tmp_path: Path) -> None:
    with Switch() as switch:
        installation = Installation(tmp_path / "data", {"TOCSIN_WATCHDOG_URL": switch.url}).start()
        try:
            before = installation.incidents()
            eventually(lambda: switch.calls, 60)
            assert 0 < metric(installation, "tocsin_canary_seconds") < 30
            assert metric(installation, "tocsin_canary_age_seconds") < 150
            assert installation.incidents() == before
            for what in ("services", "integrations", "alerts", "users", "deliveries"):
                assert "canary" not in str(installation.api("GET", what)), what
            made = installation.api("GET", "audit?limit=100")["items"]
            assert [entry["action"] for entry in made].count("canary.set_up") == 1
            # A number that the canary had eaten would be missing here.
            service = installation.api("GET", "services")["items"][0]["name"]
            first = installation.api("POST", "incidents", title="one", service=service, severity="SEV4")
            second = installation.api("POST", "incidents", title="two", service=service, severity="SEV4")
            assert int(second["ref"].split("-")[1]) == int(first["ref"].split("-")[1]) + 1
        finally:
            installation.stop()


def test_it_is_not_called_while_the_door_cannot_be_reached(tmp_path: Path) -> None:
    with Switch() as switch:
        lost = {"TOCSIN_WATCHDOG_URL": switch.url, "TOCSIN_CANARY": "http://127.0.0.1:9"}
        installation = Installation(tmp_path / "data", lost).start()
        try:
            eventually(lambda: metric(installation, "tocsin_workers") == 1, 30)
            eventually(lambda: "the canary was not let in" in installation.log.read_text(), 60)
            assert switch.calls == []
            assert "the door cannot be reached" in installation.log.read_text()
        finally:
            installation.stop()
