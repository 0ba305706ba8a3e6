"""`demo`: a realistic incident played through a running server, from the first alert to the last."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from tocsin.entrypoints.cli import client
from tocsin.entrypoints.cli.output import BadInput, Failed, json_option, print_json
from tocsin.lib import clock, ids

T = TypeVar("T")

_PATIENCE_S: Final = 20.0
# Addresses that belong to nobody (RFC 2606): to page them wakes no one.
_NOBODYS: Final = ("@localhost", "example.com", "example.org", "example.net", ".example", ".test", ".invalid")


@dataclass
class Play:
    """What happened so far, and how to wait between the scenes."""

    door: str
    run: str = field(default_factory=lambda: ids.hex_key(3))
    refs: dict[str, str] = field(default_factory=dict)

    @property
    def cluster(self) -> str:
        """Another in each run, so that what the last run left open is not joined."""
        return f"eu-{self.run}"

    def send(self, name: str, summary: str, severity: str, **labels: str) -> None:
        self._post(name, "firing", summary, severity, labels)

    def over(self, name: str, summary: str, severity: str, **labels: str) -> None:
        self._post(name, "resolved", summary, severity, labels)

    def _post(self, name: str, status: str, summary: str, severity: str, labels: dict[str, str]) -> None:
        """One alert in Alertmanager's own form (webhook version 4)."""
        now = clock.now().isoformat()
        alert = {
            "status": status,
            "labels": {"alertname": name, "severity": severity, "demo": self.run, **labels},
            "annotations": {"summary": summary},
            "startsAt": now,
            "endsAt": now if status == "resolved" else "0001-01-01T00:00:00Z",
            "generatorURL": "",
            "fingerprint": _fingerprint(self.run, name, labels),
        }
        group = {"alertname": name, "demo": self.run}
        body = {
            "version": "4", "groupKey": f"{{}}:{json.dumps(group)}", "truncatedAlerts": 0, "status": status,
            "receiver": "tocsin", "groupLabels": group, "commonLabels": group, "commonAnnotations": {},
            "externalURL": "http://alertmanager.example", "alerts": [alert],
        }  # fmt: skip
        client.call("POST", self.door, body=body)

    def act(self, name: str, verb: str, **body: Any) -> None:
        client.call("POST", f"/api/v1/incidents/{self.refs[name]}/{verb}", body=body)

    def incident(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = client.call("GET", f"/api/v1/incidents/{self.refs[name]}")
        return answer

    def opened(self, name: str, title: str) -> None:
        """Wait until the alert has become an incident, and remember it as `name`."""

        def look() -> str | None:
            params = {"status": "open", "limit": "20"}
            for row in client.call("GET", "/api/v1/incidents", params=params)["items"]:
                if title in row["title"] and row["ref"] not in self.refs.values():
                    return str(row["ref"])
            return None

        self.refs[name] = self._until(look, f"no incident was opened for “{title}”")

    def called(self, name: str) -> str:
        def look() -> str | None:
            people = dict.fromkeys(page["email"] for page in self.incident(name)["pages"])
            return ", ".join(people) or None

        return self._until(look, "nobody was called")

    def status(self, name: str, wanted: str) -> None:
        self._until(lambda: self.incident(name)["status"] == wanted or None, f"it did not become {wanted}")

    def _until(self, look: Callable[[], T | None], complaint: str) -> T:
        end = clock.monotonic() + _PATIENCE_S
        while clock.monotonic() < end:
            found = look()
            if found is not None:
                return found
            clock.sleep(0.2)
        raise Failed(
            f"After {_PATIENCE_S:.0f} s {complaint}. Is a worker running? `tocsin doctor` knows more."
        )


def _fingerprint(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


Scene = tuple[str, Callable[[Play], str | None]]


def _first_alert(play: Play) -> str:
    play.send(
        "CheckoutErrorRate",
        "12 % of payments fail",
        "critical",
        cluster=play.cluster,
        team="payments",
        instance="web01",
    )
    play.opened("main", "12 % of payments fail")
    return play.refs["main"]


def _same_again(play: Play) -> None:
    for _ in range(3):
        play.send(
            "CheckoutErrorRate",
            "12 % of payments fail",
            "critical",
            cluster=play.cluster,
            team="payments",
            instance="web01",
        )


def _another_host(play: Play) -> None:
    play.send(
        "CheckoutErrorRate",
        "9 % of payments fail",
        "critical",
        cluster=play.cluster,
        team="payments",
        instance="web02",
    )


def _acknowledge(play: Play) -> None:
    play.act("main", "acknowledge")


def _look_around(play: Play) -> None:
    play.act("main", "note", text="Errors began with checkout v142, four minutes before the first alert.")
    play.act("main", "status", status="identified")


def _fix(play: Play) -> None:
    play.act("main", "note", text="Rolled back to v141; error rate is falling.")
    play.act("main", "mitigate")


def _all_over(play: Play) -> None:
    play.over(
        "CheckoutErrorRate",
        "12 % of payments fail",
        "critical",
        cluster=play.cluster,
        team="payments",
        instance="web01",
    )
    play.over(
        "CheckoutErrorRate",
        "9 % of payments fail",
        "critical",
        cluster=play.cluster,
        team="payments",
        instance="web02",
    )
    play.status("main", "monitoring")


def _resolve(play: Play) -> None:
    play.act("main", "resolve")


def _small_one(play: Play) -> str:
    play.send(
        "QueueGrows", "Queue orders holds 12,000 messages", "warning", cluster=play.cluster, job="rabbitmq"
    )
    play.opened("small", "Queue orders holds")
    return play.refs["small"]


def _left_for_you(play: Play) -> str:
    play.send(
        "PaymentsDown", "Card payments are down", "critical", cluster=play.cluster, team="payments", tier="1"
    )
    play.opened("yours", "Card payments are down")
    return play.refs["yours"]


SCENES: Final[tuple[Scene, ...]] = (
    ("Alertmanager reports failing payments", _first_alert),
    ("Whoever is on call is called", lambda play: play.called("main")),
    ("The same alert again: counted, nobody called twice", _same_again),
    ("A second host fails: it joins the incident", _another_host),
    ("Somebody takes it: the ladder stops", _acknowledge),
    ("A note, and the cause is identified", _look_around),
    ("Rolled back: the impact has ended", _fix),
    ("Alertmanager reports that it is over: watch it", _all_over),
    ("Resolved by hand, because people had touched it", _resolve),
    ("A smaller thing, which can wait", _small_one),
    ("And one for you to acknowledge", _left_for_you),
)


@click.command()
@click.option("--integration", help="Which Alertmanager integration; absent: the first.")
@click.option(
    "--pause", "pause_s", default=1.0, show_default=True, type=click.FloatRange(0, 60), help="Seconds."
)
@click.option("--yes", is_flag=True, help="Do not ask, even if real people would be called.")
@json_option
def demo(*, integration: str | None, pause_s: float, yes: bool, as_json: bool) -> None:
    """Play a realistic incident through the server. Whoever is on call is called."""
    play = Play(_door(integration))
    _ask(yes=yes)
    steps: list[dict[str, Any]] = []
    with _progress(quiet=as_json) as tell:
        for title, scene in SCENES:
            began: datetime = clock.now()
            detail = scene(play)
            steps.append({"at": began.isoformat(), "scene": title, "detail": detail})
            tell(title, detail)
            if title != SCENES[-1][0]:
                clock.sleep(pause_s)
    if as_json:
        print_json({"steps": steps, "incidents": play.refs})
        return
    yours = client.base_url() + "/incidents/" + play.refs["yours"]
    click.echo(f"\nNow you: {play.refs['yours']} is calling. Open it and acknowledge:\n  {yours}")


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str, str | None], None]]:
    console = Console(quiet=quiet, highlight=False)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Playing an incident", total=len(SCENES))

        def tell(title: str, detail: str | None) -> None:
            progress.console.print(f"[green]✓[/] {title}" + (f"  [dim]{detail}[/]" if detail else ""))
            progress.advance(task)

        yield tell


def _door(integration: str | None) -> str:
    """The path of the integration the alerts go through."""
    rows = client.call("GET", "/api/v1/integrations", params={"limit": "200"})["items"]
    fitting = [row for row in rows if row["kind"] == "alertmanager" and integration in {None, row["name"]}]
    if not fitting or not fitting[0]["key"]:
        raise BadInput(
            "There is no Alertmanager integration that this token may use. "
            "`tocsin apply -f examples/org` makes one; --integration names another."
        )
    return f"/ingest/alertmanager/{fitting[0]['key']}"


def _ask(*, yes: bool) -> None:
    """Real people are not called for a play unless somebody says so."""
    people = client.call("GET", "/api/v1/users", params={"limit": "200"})["items"]
    real = [person["email"] for person in people if not person["email"].endswith(_NOBODYS)]
    if yes or not real:
        return
    some = ", ".join(real[:3]) + (" …" if len(real) > len(real[:3]) else "")
    warning = f"There are real people here ({some}), and whoever is on call will be called."
    if not sys.stdin.isatty():
        raise BadInput(f"{warning} Say --yes if that is meant.")
    click.confirm(f"{warning} Go on?", abort=True)
