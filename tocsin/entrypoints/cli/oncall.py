"""`oncall`: who is on call, from files without a database, or from the server."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from tocsin.domain.configuration.reader import did_you_mean
from tocsin.domain.schedule import Book, Schedule, Shift, current, resolve
from tocsin.domain.schedule.model import UTC_ZONE
from tocsin.entrypoints.cli import client
from tocsin.entrypoints.cli.files import directory_option, is_wall, parse_instant, read_organisation, zone_of
from tocsin.entrypoints.cli.output import BadInput, for_people, json_option, print_json, print_table
from tocsin.lib import clock

Row = dict[str, Any]


@click.command()
@directory_option
@click.option("--schedule", metavar="S", help="A schedule or rotation; absent: all of them.")
@click.option("--at", "at", metavar="T", help="An instant; absent: now.")
@click.option("--from", "start", metavar="T", help="With --until: every shift of a stretch of time.")
@click.option("--until", "end", metavar="T", help="The end of the stretch, not part of it.")
@json_option
def oncall(
    *,
    directory: str | None,
    schedule: str | None,
    at: str | None,
    start: str | None,
    end: str | None,
    as_json: bool,
) -> int:
    """Who is on call. Times without an offset are in the schedule's zone."""
    if (start is None) != (end is None):
        raise BadInput("--from and --until go together.")
    if at is not None and start is not None:
        raise BadInput("Give --at, or --from and --until.")
    if directory is None:
        rows = _from_server(schedule, at, start, end)
    else:
        rows = _from_files(directory, schedule, at, start, end)
    if as_json or not for_people():
        print_json(rows)
    else:
        _print_rows(rows, several=schedule is None)
    return 0


def _from_files(
    directory: str, name: str | None, at: str | None, start: str | None, end: str | None
) -> list[Row]:
    book = read_organisation(directory).organisation.book()
    if name is None:
        return [
            {"schedule": one, **row}
            for one in book.names
            for row in _rows(book, book.schedule(one), at, start, end)
        ]
    plan = book.schedule(name)
    if plan is None:
        known = dict.fromkeys(book.names)
        raise BadInput(
            f"There is no schedule or rotation {name!r}{did_you_mean(name, known) if known else ''}."
        )
    return _rows(book, plan, at, start, end)


def _rows(book: Book, plan: Schedule | None, at: str | None, start: str | None, end: str | None) -> list[Row]:
    if plan is None:
        return []
    zone = zone_of(plan)
    if start is not None and end is not None:
        first, last = parse_instant(start, "--from", zone), parse_instant(end, "--until", zone)
        if last <= first:
            raise BadInput("--until is not after --from.")
        shifts = resolve(book, plan, first, last)
    else:
        shifts = current(book, plan, clock.now() if at is None else parse_instant(at, "--at", zone))
    return [_row(shift, plan) for shift in shifts]


def _row(shift: Shift, plan: Schedule) -> Row:
    return {
        "user": shift.user,
        "rotation": shift.rotation,
        "role": shift.role,
        "start": shift.start.astimezone(plan.zone).isoformat(),
        "end": shift.end.astimezone(plan.zone).isoformat(),
        "origin": str(shift.origin),
    }


def _from_server(name: str | None, at: str | None, start: str | None, end: str | None) -> list[Row]:
    given = {option: text for option, text in (("at", at), ("from", start), ("until", end)) if text}
    zone = _server_zone(name) if any(is_wall(text, f"--{one}") for one, text in given.items()) else UTC_ZONE
    params = {one: parse_instant(text, f"--{one}", zone).isoformat() for one, text in given.items()}
    if name is not None:
        params["schedule"] = name
    answer = client.call("GET", "/api/v1/oncall", params=params)
    rows: list[Row] = answer["items"] if isinstance(answer, dict) and "items" in answer else answer
    return rows


def _server_zone(name: str | None) -> ZoneInfo:
    if name is None:
        raise BadInput("Without --schedule, times need an offset such as 2024-08-05T09:00+02:00.")
    found = client.call("GET", f"/api/v1/schedules/{client.segment(name)}")
    return ZoneInfo(found["timezone"])


def _print_rows(rows: list[Row], *, several: bool) -> None:
    headings = ["WHO", "ROLE", "FROM", "UNTIL", "BY"]
    table = [
        [
            row["user"] or "nobody",
            row.get("role"),
            _shown(row["start"]),
            _shown(row["end"]),
            row.get("rotation") or row["origin"],
        ]
        for row in rows
    ]
    if several:
        headings = ["SCHEDULE", *headings]
        table = [[row.get("schedule"), *cells] for row, cells in zip(rows, table, strict=True)]
    print_table(headings, table)


def _shown(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%a %d %b %Y %H:%M %z")
