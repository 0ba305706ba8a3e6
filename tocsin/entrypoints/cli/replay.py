"""`replay`: a past period through a changed configuration, before it is applied."""

from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from tocsin.domain.configuration import Organisation, load
from tocsin.domain.simulation import Happening, Incident, Page
from tocsin.domain.simulation.replaying import Changed, Differences
from tocsin.domain.simulation.replaying import replay as play_twice
from tocsin.domain.simulation.rows import iso
from tocsin.entrypoints.cli import client
from tocsin.entrypoints.cli.events import event_of, read_events
from tocsin.entrypoints.cli.files import (
    needed_directory,
    parse_instant,
    read_organisation,
    read_overlaid,
)
from tocsin.entrypoints.cli.output import BadInput, for_people, json_option, print_json, print_table
from tocsin.entrypoints.cli.rehearse import kept_row, print_held, text_of

Row = dict[str, Any]

_UTC: Final = ZoneInfo("UTC")
_MOST_SHOWN: Final = 20
_LONGEST: Final = timedelta(days=62)


@click.command()
@needed_directory
@click.option("--from", "start", metavar="T", required=True, help="Where the period begins (UTC).")
@click.option("--until", "end", metavar="T", required=True, help="The end, not part of it.")
@click.option(
    "--events", metavar="FILE", help="JSON lines, as of `simulate`; absent: the server's event log."
)
@click.option(
    "--present",
    metavar="DIR",
    help="The configuration to compare with; absent: the server's own.",
)
@json_option
def replay(
    *, directory: str, start: str, end: str, events: str | None, present: str | None, as_json: bool
) -> int:
    """What a past period would have been with the configuration in DIR: which incidents and pages differ.

    DIR is laid over what is there, as `apply` does, so it may hold the changed files only. With --events and
    --present nothing is asked of a server.
    """
    first, last = parse_instant(start, "--from", _UTC), parse_instant(end, "--until", _UTC)
    if not timedelta(0) < last - first <= _LONGEST:
        raise BadInput(f"--until must be after --from, by at most {_LONGEST.days} days.")
    now = read_organisation(present).organisation if present else _exported()
    changed = read_overlaid(directory, now)
    happenings = list(read_events(events, text_of(events))) if events else _recorded(first, last)
    found = play_twice(now, changed, happenings, first, last)
    if as_json or not for_people():
        print_json(as_row(found, len(happenings)))
    else:
        _print(found, len(happenings))
    return 0


def _exported() -> Organisation:
    """What the server has now."""
    return load({"the server": client.call("GET", "/api/v1/configuration/export")["text"]}).organisation


def _recorded(first: datetime, last: datetime) -> list[Happening]:
    """The server's event log of that period, a slice at a time."""
    found: list[Happening] = []
    cursor: str | None = None
    while True:
        params = {"from": iso(first), "until": iso(last), "cursor": cursor, "limit": "500"}
        answer = client.call("GET", "/api/v1/events", params=params)
        found += [event_of("the server's event log", row) for row in answer["items"]]
        cursor = answer["next_cursor"]
        if not cursor:
            return found


def as_row(found: Differences, events: int) -> Row:
    return {
        "events": events,
        "left_out": list(found.unknown),
        "before": {
            "incidents": len(found.before.incidents),
            "pages": len(found.before.pages),
            "held": len(found.before.held),
        },
        "after": {
            "incidents": len(found.after.incidents),
            "pages": len(found.after.pages),
            "held": len(found.after.held),
        },
        "incidents": {
            "only_before": [_incident(one) for one in found.only_before],
            "only_after": [_incident(one) for one in found.only_after],
            "changed": [_changed(one) for one in found.changed],
        },
        "pages": {
            "only_before": [_page(one) for one in found.only_before_pages],
            "only_after": [_page(one) for one in found.only_after_pages],
        },
        "held": {
            "only_before": [kept_row(one) for one in found.only_before_held],
            "only_after": [kept_row(one) for one in found.only_after_held],
        },
        "people": [{"user": who, "before": old, "after": new} for who, old, new in found.people],
    }


def _incident(one: Incident) -> Row:
    return {
        "dedup_key": one.dedup_key,
        "service": one.service,
        "severity": str(one.severity),
        "opened_at": iso(one.opened_at),
        "resolved_at": iso(one.resolved_at) if one.resolved_at else None,
    }


def _changed(one: Changed) -> Row:
    return {"before": _incident(one.before), "after": _incident(one.after), "what": list(one.what)}


def _page(one: Page) -> Row:
    return {
        "at": iso(one.at),
        "dedup_key": one.dedup_key,
        "user": one.user,
        "contact": one.contact,
        "urgency": str(one.urgency),
        "step": one.step,
    }


def _print(found: Differences, events: int) -> None:
    old, new = found.before, found.after
    click.secho(
        f"{events} events: {len(old.incidents)} → {len(new.incidents)} incidents, "
        f"{len(old.pages)} → {len(new.pages)} pages, "
        f"{len(old.held)} → {len(new.held)} held.",
        bold=True,
    )
    if found.unknown:
        click.echo(f"Left out, because one side has no such integration: {', '.join(found.unknown)}")
    if found.same:
        click.echo("Nothing would differ.")
        return
    _list("No longer opened", [_line(one) for one in found.only_before])
    _list("Opened instead or besides", [_line(one) for one in found.only_after])
    _list("Changed", [(*_line(one.before), "; ".join(one.what)) for one in found.changed])
    print_held(found.only_after_held)
    if found.people:
        click.echo()
        print_table(("WHO", "PAGES BEFORE", "AFTER"), list(found.people))


def _line(one: Incident) -> tuple[str, ...]:
    return (iso(one.opened_at), one.dedup_key, one.service, str(one.severity))


def _list(title: str, rows: list[tuple[str, ...]]) -> None:
    if not rows:
        return
    click.echo()
    click.secho(f"{title}: {len(rows)}", bold=True)
    heading = ("OPENED", "INCIDENT", "SERVICE", "SEVERITY", "WHAT")
    print_table(heading[: len(rows[0])], rows[:_MOST_SHOWN])
    if len(rows) > _MOST_SHOWN:
        click.echo(f"… and {len(rows) - _MOST_SHOWN} more; --json lists them")
