"""`validate`, `plan`, `apply`, `export`: configuration as code."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from tocsin.domain.configuration import load
from tocsin.domain.configuration.lint import lint
from tocsin.domain.configuration.references import Checker
from tocsin.domain.configuration.secrets import inlined, lacking
from tocsin.entrypoints.cli import client
from tocsin.entrypoints.cli.differences import differences, short
from tocsin.entrypoints.cli.files import needed_directory, read_files, secrets_here
from tocsin.entrypoints.cli.output import BadInput, json_option, print_json, print_problems, problem_row
from tocsin.lib import clock

_SIGNS = {"add": ("+", "green"), "change": ("~", "yellow"), "remove": ("-", "red")}


@click.command()
@needed_directory
@click.option("--strict", is_flag=True, help="Exit 1 when there are warnings.")
@json_option
def validate(*, directory: str, strict: bool, as_json: bool) -> int:
    """Check configuration files offline: errors, and what is allowed but probably not meant."""
    files = read_files(directory)
    loaded = load(files, secrets_here(directory))
    if not loaded.report.errors:
        Checker(loaded.organisation, loaded.report, dict(loaded.places)).check()
    if not loaded.report.errors:
        lint(loaded.organisation, loaded.report, loaded.places, clock.now())
    errors, warnings = loaded.report.errors, loaded.report.warnings
    problems = sorted(loaded.report.problems, key=lambda problem: (not problem.error, problem.place))
    if as_json:
        rows = [problem_row(problem) for problem in problems]
        print_json({"ok": not errors, "files": len(files), "problems": rows})
    else:
        print_problems(problems, err=False)
        objects = sum(1 for _ in loaded.places)
        outcome = f"{len(files)} files, {objects} objects, {len(errors)} errors, {len(warnings)} warnings"
        click.secho(outcome, fg="red" if errors else None)
    if errors:
        return BadInput.exit_code
    return 1 if warnings and strict else 0


@click.command()
@needed_directory
@click.option("--prune", is_flag=True, help="Also remove what files once made and no longer say.")
@json_option
def plan(*, directory: str, prune: bool, as_json: bool) -> int:
    """Show what `apply` would do."""
    answer = client.call("POST", "/api/v1/configuration/plan", body=_body(directory, prune=prune))
    if as_json:
        print_json(answer)
    else:
        _print_plan(answer, "Nothing would change.")
    return 0


@click.command()
@needed_directory
@click.option("--prune", is_flag=True, help="Also remove what files once made and no longer say.")
@json_option
def apply(*, directory: str, prune: bool, as_json: bool) -> int:
    """Make the server be as the files say: all of it, or nothing."""
    answer = client.call("POST", "/api/v1/configuration/apply", body=_body(directory, prune=prune))
    if as_json:
        print_json(answer)
    else:
        _print_plan(answer, "Nothing to change.")
        if answer.get("changes"):
            click.echo("Applied.")
    return 0


@click.command()
@json_option
def export(*, as_json: bool) -> int:
    """Print the server's configuration as one file that `apply` reads."""
    answer = client.call("GET", "/api/v1/configuration/export")
    if as_json:
        print_json(answer)
    else:
        click.echo(answer["text"], nl=False)
    return 0


def _body(directory: str, *, prune: bool) -> dict[str, Any]:
    secrets, given = secrets_here(directory), read_files(directory)
    problems = lacking(given, secrets)
    if problems:
        print_problems(problems)
        raise BadInput("A secret is missing: nothing was sent.")
    return {"files": {name: inlined(text, secrets) for name, text in given.items()}, "prune": prune}


def _print_plan(answer: Mapping[str, Any], nothing: str) -> None:
    for warning in answer.get("warnings", ()):
        click.echo(f"{click.style('warning', fg='yellow')}: {warning}", err=True)
    changes = answer.get("changes", ())
    for change in changes:
        sign, colour = _SIGNS[change["action"]]
        name = f" {change['name']}" if change["name"] else ""
        click.secho(f"{sign} {change['kind']}{name}", fg=colour)
        for field in change.get("fields", ()):
            _print_field(change["action"], field)
        _print_turns(change)
    counts = {action: sum(change["action"] == action for change in changes) for action in _SIGNS}
    if changes:
        click.echo(f"{counts['add']} to add, {counts['change']} to change, {counts['remove']} to remove.")
    else:
        click.echo(nothing)


def _print_field(action: str, field: Mapping[str, Any]) -> None:
    name, before, after = field["field"], field["before"], field["after"]
    lines = [f"{name}: {short(after)}"] if action == "add" else differences(name, before, after)
    for line in lines:
        colour = {"+": "green", "-": "red"}.get(line.lstrip()[:1])
        click.secho(f"    {line}", fg=colour)


def _print_turns(change: Mapping[str, Any]) -> None:
    before, after = change.get("turns_before", ()), change.get("turns_after", ())
    if not before and not after:
        return
    click.echo("    next turns (UTC):")
    for label, turns in (("before", before), ("after", after)):
        for turn in turns:
            people = " + ".join(turn["people"])
            click.echo(f"      {label:<6}  {_minute(turn['start'])} → {_minute(turn['end'])}  {people}")


def _minute(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%a %d %b %Y %H:%M")
