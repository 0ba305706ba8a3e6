"""`silence`: hold alerts back for a while, from a terminal."""

from datetime import datetime, timedelta
from typing import Any

import click

from tocsin.domain.time import parse_duration
from tocsin.entrypoints.cli import client
from tocsin.entrypoints.cli.output import json_option, print_json, print_table
from tocsin.lib import clock

_PATH = "/api/v1/silences"


@click.group()
def silence() -> None:
    """Hold alerts back for a while: nothing is lost, and what still fires afterwards is told."""


@silence.command()
@click.argument("matchers", nargs=-1)
@click.option(
    "--service", "services", multiple=True, help="Only of this service; may be given several times."
)
@click.option("--for", "duration", help="For this long: 30m, 2h …")
@click.option("--until", help="Until an instant such as 2026-12-01T09:00Z.")
@click.option("--start", help="From an instant on; now, when not said.")
@click.option("--comment", default="", help="Why.")
@json_option
def add(
    *,
    matchers: tuple[str, ...],
    services: tuple[str, ...],
    duration: str | None,
    until: str | None,
    start: str | None,
    comment: str,
    as_json: bool,
) -> None:
    """Silence the alerts of which all MATCHERS hold, such as 'instance="db1"' or 'env=~"dev|staging"'."""
    if not matchers and not services:
        raise click.UsageError("Give a matcher or --service.")
    if (duration is None) == (until is None):
        raise click.UsageError("Give --for or --until.")
    begins = _instant("--start", start) if start else None
    body: dict[str, Any] = {"matchers": list(matchers), "services": list(services), "comment": comment}
    if begins is not None:
        body["starts_at"] = begins.isoformat()
    if duration is not None:
        body["ends_at"] = ((begins or clock.now()) + _duration(duration)).isoformat()
    else:
        body["ends_at"] = _instant("--until", until or "").isoformat()
    _show(client.call("POST", _PATH, body=body), as_json=as_json)


@silence.command(name="list")
@click.option(
    "--state", type=click.Choice(["active", "scheduled", "expired", "all"]), help="Absent: not expired."
)
@click.option("--service", help="Of this service only.")
@click.option("--search", help="In matchers and comments.")
@json_option
def list_(*, state: str | None, service: str | None, search: str | None, as_json: bool) -> None:
    """Silences, the newest first."""
    answer = client.call("GET", _PATH, params={"state": state, "service": service, "search": search})
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            row["id"],
            row["state"],
            _what(row),
            (row["current"] or {}).get("end") or row["ends_at"],
            row["holding"],
            row["author"],
            row["comment"],
        )
        for row in answer["items"]
    ]
    print_table(("ID", "STATE", "WHAT", "UNTIL", "HOLDS", "BY", "COMMENT"), rows)


@silence.command()
@click.argument("ids", nargs=-1, required=True)
@json_option
def expire(*, ids: tuple[str, ...], as_json: bool) -> None:
    """End silences now: what still fires is decided again."""
    for uid in ids:
        _show(client.call("POST", f"{_PATH}/{client.segment(uid)}/expire", body={}), as_json=as_json)


def _what(row: dict[str, Any]) -> str:
    return ", ".join([*row["matchers"], *row["services"]])


def _instant(option: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{option}: expected an instant such as 2026-12-01T09:00Z.") from None
    if found.tzinfo is None:
        raise click.UsageError(f"{option}: expected an offset too, such as 2026-12-01T09:00Z.")
    return found


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.UsageError(f"--for: {error}") from None


def _show(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(row)
        return
    click.echo(f"{row['id']}  {row['state']}  {_what(row)}")
    click.echo(f"  until: {row['ended_at'] or row['ends_at']}")
    click.echo(f"  {client.link('/silences/')}")
