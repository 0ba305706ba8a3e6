"""What the commands print: JSON for programs, short lines for people."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from tocsin.domain.configuration import Problem

json_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON."
)


class BadInput(click.ClickException):
    """Wrong usage, files or arguments."""

    exit_code = 2


class Failed(click.ClickException):
    exit_code = 1


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_problems(problems: Iterable[Problem], *, err: bool = True) -> None:
    """On stderr, unless they are what was asked for, so that what is on stdout stays fit for programs."""
    for problem in problems:
        colour = "red" if problem.error else "yellow"
        level = click.style("error" if problem.error else "warning", fg=colour)
        where = f"{problem.path}: " if problem.path else ""
        click.echo(f"{problem.place}: {level}: {where}{problem.message}", err=err)


def problem_row(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.place.file,
        "line": problem.place.line or None,
        "field": problem.path or None,
        "level": "error" if problem.error else "warning",
        "message": problem.message,
    }


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as they need to be; the last is not padded."""
    table = [[str(heading) for heading in headings], *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    for number, row in enumerate(table):
        cells = [*(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)), row[-1]]
        line = "  ".join(cells).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


def _cell(value: object) -> str:
    return "—" if value is None or value == "" else str(value)


def for_people() -> bool:
    """Whether somebody reads along: output to a pipe or a file is for programs."""
    return sys.stdout.isatty()
