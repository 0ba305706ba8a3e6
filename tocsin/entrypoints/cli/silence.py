"""`silence` and `maintenance`: hold alerts back for a while, from a terminal."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import click

from tocsin.domain.time import parse_duration
from tocsin.entrypoints.cli import client
from tocsin.entrypoints.cli.output import json_option, print_json, print_table
from tocsin.lib import clock

Command = Callable[..., Any]

_SILENCES: Final = "/api/v1/silences"
_MAINTENANCE: Final = "/api/v1/maintenance"
_OPTIONS: Final = (
    click.option("--for", "duration", help="For this long: 30m, 2h …"),
    click.option("--until", help="Until an instant such as 2026-12-01T09:00Z."),
    click.option("--start", help="From an instant on; now, when not said."),
    click.option("--rrule", default="", help="Again and again: FREQ=WEEKLY;BYDAY=SU (RFC 5545)."),
    click.option("--timezone", default="UTC", help="By whose wall clock it recurs: Europe/Berlin."),
    click.option("--notice", default="", help="The author hears so long before it ends: 30m."),
    click.option("--comment", default="", help="Why."),
    click.option("--preview", is_flag=True, help="Make none; say what it would hit."),
    json_option,
)


def _options(command: Command) -> Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group()
def silence() -> None:
    """Hold alerts back for a while: nothing is lost, and what still fires afterwards is told."""


@click.group()
def maintenance() -> None:
    """Hold back the alerts of services that are worked on; what still fires afterwards is told."""


@silence.command()
@click.argument("matchers", nargs=-1)
@click.option(
    "--service", "services", multiple=True, help="Only of this service; may be given several times."
)
@_options
def add(*, matchers: tuple[str, ...], services: tuple[str, ...], **said: Any) -> None:
    """Silence the alerts of which all MATCHERS hold, such as 'instance="db1"' or 'env=~"dev|staging"'."""
    if not matchers and not services:
        raise click.UsageError("Give a matcher or --service.")
    _add(_SILENCES, {"matchers": list(matchers), "services": list(services)}, **said)


@maintenance.command(name="add")
@click.argument("services", nargs=-1, required=True)
@click.option("--match", "matchers", multiple=True, help="Only alerts of which this holds too.")
@_options
def add_window(*, services: tuple[str, ...], matchers: tuple[str, ...], **said: Any) -> None:
    """Make a maintenance window of SERVICES, once or recurring."""
    _add(_MAINTENANCE, {"matchers": list(matchers), "services": list(services)}, **said)


def _add(
    path: str,
    body: dict[str, Any],
    *,
    duration: str | None,
    until: str | None,
    start: str | None,
    rrule: str,
    timezone: str,
    notice: str,
    comment: str,
    preview: bool,
    as_json: bool,
) -> None:
    if (duration is None) == (until is None):
        raise click.UsageError("Give --for or --until.")
    begins = _instant("--start", start) if start else None
    body["comment"] = comment
    if begins is not None:
        body["starts_at"] = begins.isoformat()
    if duration is not None:
        body["ends_at"] = ((begins or clock.now()) + _duration(duration)).isoformat()
    else:
        body["ends_at"] = _instant("--until", until or "").isoformat()
    if rrule:
        body |= {"rrule": rrule, "zone": timezone}
    if notice:
        body["notice"] = notice
    if preview:
        _show_preview(client.call("POST", f"{path}/preview", body=body), as_json=as_json)
    else:
        _show(path, client.call("POST", path, body=body), as_json=as_json)


def _list(path: str, params: dict[str, str | None], *, as_json: bool) -> None:
    answer = client.call("GET", path, params=params)
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


def _wire(group: click.Group, path: str, many: str) -> None:
    @group.command(name="list", help=f"{many}, the newest first.")
    @click.option(
        "--state", type=click.Choice(["active", "scheduled", "expired", "all"]), help="Absent: not expired."
    )
    @click.option("--service", help="Of this service only.")
    @click.option("--search", help="In matchers and comments.")
    @json_option
    def list_(*, as_json: bool, **params: str | None) -> None:
        _list(path, params, as_json=as_json)

    @group.command(help=f"End {many.lower()} now: what still fires is decided again.")
    @click.argument("ids", nargs=-1, required=True)
    @json_option
    def expire(*, ids: tuple[str, ...], as_json: bool) -> None:
        for uid in ids:
            answer = client.call("POST", f"{path}/{client.segment(uid)}/expire", body={})
            _show(path, answer, as_json=as_json)


_wire(silence, _SILENCES, "Silences")
_wire(maintenance, _MAINTENANCE, "Maintenance windows")


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


def _show_preview(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(row)
        return
    click.echo(f"It would hold {row['now']} of the {row['firing']} alerts that fire now.")
    if row["incidents"]:
        click.echo(f"  open incidents of these: {', '.join(row['incidents'])}")
    click.echo(f"  of the last 24 hours: {row['last_day']} of {row['of_last_day']} alerts")
    for each in row["times"]:
        click.echo(f"  {each['start']} to {each['end']}")
    for warning in row["warnings"]:
        click.secho(f"  {warning}", fg="yellow")


def _show(path: str, row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(row)
        return
    click.echo(f"{row['id']}  {row['state']}  {_what(row)}")
    click.echo(f"  until: {row['ended_at'] or row['ends_at']}")
    click.echo(f"  {client.link('/silences/' if path == _SILENCES else '/silences/calendar')}")
