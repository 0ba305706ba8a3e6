"""`explain` and `simulate`: what would happen, by the real domain code on a virtual clock."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from tocsin.domain.configuration import Organisation
from tocsin.domain.configuration.model import Integration
from tocsin.domain.errors import Invalid
from tocsin.domain.simulation import Explanation, Kept, Page, Result
from tocsin.domain.simulation import explain as explain_signal
from tocsin.domain.simulation import simulate as play
from tocsin.domain.time import format_duration
from tocsin.entrypoints.cli.events import read_events
from tocsin.entrypoints.cli.files import needed_directory, parse_instant, read_organisation
from tocsin.entrypoints.cli.output import BadInput, for_people, json_option, print_json, print_table
from tocsin.lib import clock
from tocsin.ports import registry

Row = dict[str, Any]

_UTC: Final = ZoneInfo("UTC")
_MOST_SHOWN: Final = 12
_MOST_HELD: Final = 20
_MOST_BYTES: Final = 64 * 1024 * 1024


@click.command()
@needed_directory
@click.option(
    "--event", "event", metavar="FILE", required=True, help="What the tool would send; - reads stdin."
)
@click.option(
    "--integration", metavar="KIND", help="A kind of tool, or the name of an integration in the files."
)
@click.option("--at", "at", metavar="T", help="An instant (UTC without an offset); absent: now.")
@json_option
def explain(*, directory: str, event: str, integration: str | None, at: str | None, as_json: bool) -> int:
    """Offline dry run: where an event would go, how loud, and who would be paged when if nobody answered."""
    organisation = read_organisation(directory).organisation
    body = _read(event)
    way_in = _integration(organisation, integration, body)
    instant = clock.now() if at is None else parse_instant(at, "--at", _UTC)
    try:
        source = registry.sources[way_in.kind]
        signals = [source.parse(envelope.payload) for envelope in source.envelope(body)]
    except KeyError as error:
        known = ", ".join(sorted(registry.sources))
        raise BadInput(f"There is no integration or kind {way_in.kind!r}; the kinds are {known}.") from error
    except Invalid as error:
        raise BadInput(f"{event}: {error}") from error
    rows = [
        _explained(found, signal.dedup_key, str(signal.action), way_in, instant)
        for signal in signals
        for found in explain_signal(organisation, way_in, signal, instant)
    ]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            _print_explanation(row)
    return 0


def _integration(organisation: Organisation, asked: str | None, body: bytes) -> Integration:
    """By name, else the first of that kind, else one of that kind that the files do not have."""
    if asked is not None and asked in organisation.integrations:
        return organisation.integrations[asked]
    kind = asked or _guessed(body)
    known = (entry for entry in organisation.integrations.values() if entry.kind == kind)
    return next(known, Integration(kind, kind))


def _guessed(body: bytes) -> str:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return "generic"
    keys = set(value) if isinstance(value, dict) else set()
    if "alerts" in keys:
        return "alertmanager"
    return "pagerduty" if keys & {"routing_key", "event_action"} else "generic"


def _explained(found: Explanation, dedup_key: str, action: str, way_in: Integration, at: datetime) -> Row:
    stages = [{"stage": one.stage, "outcome": one.outcome, "reason": one.reason} for one in found.reasons]
    holds = [{"stage": one.stage, "outcome": one.outcome, "reason": one.reason} for one in found.suppression]
    return {
        "dedup_key": dedup_key,
        "action": action,
        "integration": way_in.name,
        "at": _iso(at),
        "service": found.service,
        "severity": None if found.severity is None else str(found.severity),
        "urgency": str(found.urgency),
        "group_key": found.group_key,
        "labels": dict(found.labels),
        "summary": found.summary,
        "runbook": found.runbook or None,
        "respond_within": None if found.respond_within is None else format_duration(found.respond_within),
        "reasons": [*stages, *holds],
        "held": found.held,
        "held_until": None if found.held_until is None else _iso(found.held_until),
        "routes": [
            {
                "path": visit.path,
                "route": visit.route,
                "matched": visit.matched,
                "reason": visit.reason,
                "did": list(visit.did),
            }
            for visit in found.visited
        ],
        "pages": [{"minute": _minute(page.at, at), **_page(page)} for page in found.pages],
        "notes": [
            {"minute": _minute(when, at), "at": _iso(when), "text": text} for when, text in found.notes
        ],
    }


def _print_explanation(row: Row) -> None:
    heading = (
        f"{row['dedup_key']} → {row['service']}, {row['severity'] or 'no severity'}, {row['urgency']} urgency"
    )
    click.secho(heading, bold=True)
    for route in row["routes"]:
        sign = "✓" if route["matched"] else "·"
        click.echo(f"  {sign} route {route['path']} {route['route']}: {route['reason']}")
        for step in route["did"]:
            click.echo(f"      {step}")
    for reason in row["reasons"]:
        click.echo(f"  {reason['stage']}: {reason['outcome']} — {reason['reason']}")
    if row["pages"]:
        still = f" and it still fires at {row['held_until']}" if row["held"] else ""
        click.echo(f"  if nobody answers{still}:")
    for page in row["pages"][:_MOST_SHOWN]:
        step = f"step {page['step']}" if page["step"] > 0 else "beside the ladder"
        click.echo(
            f"    +{page['minute']:g} min  {page['user']} by {page['contact']} ({step}): {page['reason']}"
        )
    if len(row["pages"]) > _MOST_SHOWN:
        click.echo(
            f"    … and {len(row['pages']) - _MOST_SHOWN} more in the four days after; --json lists them"
        )
    if not row["pages"]:
        click.echo("  nobody is paged")
        for note in row["notes"]:
            click.echo(f"    +{note['minute']:g} min  {note['text']}")


@click.command()
@needed_directory
@click.option("--events", "events", metavar="FILE", required=True, help="JSON lines; - reads stdin.")
@click.option("--from", "start", metavar="T", required=True, help="Where pages begin to count.")
@click.option("--until", "end", metavar="T", required=True, help="The end, not part of it.")
@json_option
def simulate(*, directory: str, events: str, start: str, end: str, as_json: bool) -> int:
    """Replay events on a virtual clock: every page, its time and its reason. Times without an offset are
    UTC.
    """
    organisation = read_organisation(directory).organisation
    first, last = parse_instant(start, "--from", _UTC), parse_instant(end, "--until", _UTC)
    if last <= first:
        raise BadInput("--until is not after --from.")
    happenings = list(read_events(events, text_of(events)))
    try:
        result = play(organisation, happenings, first, last)
    except Invalid as error:
        raise BadInput(f"{events}: {error}") from error
    if as_json or not for_people():
        print_json(_played(result))
    else:
        _print_played(result)
    return 0


def _played(result: Result) -> Row:
    return {
        "pages": [_page(page) for page in result.pages],
        "unsent": [{**_page(one.page), "reason": one.reason} for one in result.unsent],
        "incidents": [
            {
                "dedup_key": one.dedup_key,
                "service": one.service,
                "severity": str(one.severity),
                "opened_at": _iso(one.opened_at),
                "acknowledged_at": None if one.acknowledged_at is None else _iso(one.acknowledged_at),
                "resolved_at": None if one.resolved_at is None else _iso(one.resolved_at),
            }
            for one in result.incidents
        ],
        "held": [kept_row(one) for one in result.held],
    }


def kept_row(one: Kept) -> Row:
    return {
        "dedup_key": one.dedup_key,
        "integration": one.integration,
        "at": _iso(one.at),
        "by": one.by,
        "ends": one.ends,
        "over_at": None if one.over_at is None else _iso(one.over_at),
        "released": one.released,
    }


def print_held(found: Sequence[Kept]) -> None:
    """Nothing where none was held."""
    if not found:
        return
    click.echo()
    click.secho(f"Held: {len(found)}", bold=True)
    print_table(
        ("SINCE", "ALERT", "BY", "UNTIL", "THEN"),
        [(_iso(one.at), one.dedup_key, one.by, *_ended(one)) for one in found[:_MOST_HELD]],
    )
    if len(found) > _MOST_HELD:
        click.echo(f"… and {len(found) - _MOST_HELD} more; --json lists them")


def _ended(one: Kept) -> tuple[str, str]:
    if one.over_at is None:
        return "–", "still held"
    return _iso(one.over_at), "told: it still fired" if one.released else "over, nobody is told"


def _print_played(result: Result) -> None:
    print_table(
        ("AT", "INCIDENT", "WHO", "BY", "STEP", "REASON"),
        [(_iso(one.at), one.dedup_key, one.user, one.contact, one.step, one.reason) for one in result.pages],
    )
    if result.unsent:
        click.echo()
        print_table(
            ("AT", "INCIDENT", "WHO", "BY", "NOT SENT"),
            [
                (_iso(one.page.at), one.page.dedup_key, one.page.user, one.page.contact, one.reason)
                for one in result.unsent
            ],
        )
    print_held(result.held)
    others = f", {len(result.unsent)} said by another" if result.unsent else ""
    click.echo(f"{len(result.pages)} pages for {len(result.incidents)} incidents{others}.")


def _page(page: Page) -> Row:
    return {
        "at": _iso(page.at),
        "dedup_key": page.dedup_key,
        "user": page.user,
        "contact": page.contact,
        "urgency": str(page.urgency),
        "step": page.step,
        "reason": page.reason,
    }


def _minute(at: datetime, start: datetime) -> float:
    return round((at - start).total_seconds() / 60, 2)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def text_of(file: str) -> str:
    """Raises BadInput."""
    try:
        return _read(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{file}: not UTF-8 text (byte {error.start}).") from error


def _read(file: str) -> bytes:
    try:
        if file == "-":
            return sys.stdin.buffer.read(_MOST_BYTES)
        with Path(file).open("rb") as stream:
            return stream.read(_MOST_BYTES)
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror}).") from error
