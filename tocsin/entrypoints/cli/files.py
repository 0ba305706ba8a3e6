"""Configuration files and the secrets they speak of, read where the command runs."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from tocsin.domain.configuration import Loaded, Organisation, load
from tocsin.domain.configuration.plan import overlaid
from tocsin.domain.configuration.references import Checker
from tocsin.domain.configuration.secrets import Secrets
from tocsin.domain.schedule.model import Schedule
from tocsin.domain.time import to_instant
from tocsin.entrypoints.cli.output import BadInput, print_problems

_ENDINGS: Final = frozenset({".yaml", ".yml"})
# Far outside these years arithmetic with days would leave the calendar.
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2200
_MOST_BYTES: Final = 4 * 1024 * 1024

directory_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "-f", "--file", "directory", metavar="DIR", help="The folder of configuration files (or one file)."
)
needed_directory: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "-f",
    "--file",
    "directory",
    metavar="DIR",
    required=True,
    help="The folder of configuration files (or one file).",
)


def read_files(directory: str) -> dict[str, str]:
    """Every *.yaml and *.yml below the folder, hidden ones apart, by its path as given. Raises BadInput."""
    root = Path(directory)
    if root.is_file():
        paths = [root]
    elif root.is_dir():
        paths = sorted(path for path in root.rglob("*") if path.suffix in _ENDINGS and path.is_file())
        paths = [
            path for path in paths if not any(part.startswith(".") for part in path.relative_to(root).parts)
        ]
    else:
        raise BadInput(f"There is no folder or file {directory!r}.")
    if not paths:
        raise BadInput(f"There are no *.yaml files in {directory!r}.")
    return {str(path): _read(path) for path in paths}


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadInput(f"{path}: larger than {_MOST_BYTES // 1024 // 1024} MiB.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 text (byte {error.start}).") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}).") from error


def secrets_here(directory: str) -> Secrets:
    """Answers `{env: NAME}` from this process's environment, `{file: PATH}` from beside the configuration."""
    root = Path(directory) if Path(directory).is_dir() else Path(directory).parent

    def answer(where: str, name: str) -> str | None:
        if where == "env":
            return os.environ.get(name)
        try:
            return (root / Path(name).expanduser()).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None

    return answer


def read_organisation(directory: str) -> Loaded:
    """Load and check; with errors, print them and raise BadInput."""
    loaded = load(read_files(directory), secrets_here(directory))
    _checked(loaded, loaded.organisation, directory)
    return loaded


def read_overlaid(directory: str, present: Organisation) -> Organisation:
    """What would be there once these files are applied."""
    loaded = load(read_files(directory), secrets_here(directory))
    merged = overlaid(present, loaded.organisation)
    _checked(loaded, merged, directory)
    return merged


def _checked(loaded: Loaded, organisation: Organisation, directory: str) -> None:
    if not loaded.report.errors:
        Checker(organisation, loaded.report, dict(loaded.places)).check()
    if loaded.report.errors:
        print_problems(loaded.report.errors)
        count = len(loaded.report.errors)
        raise BadInput(f"{count} {'error' if count == 1 else 'errors'} in {directory}.")


def parse_instant(text: str, option: str, zone: ZoneInfo) -> datetime:
    """ISO 8601; without an offset it is wall time in `zone`. Raises BadInput."""
    found = _parse_moment(text, option)
    return to_instant(found, zone) if found.tzinfo is None else found


def is_wall(text: str, option: str) -> bool:
    return _parse_moment(text, option).tzinfo is None


def _parse_moment(text: str, option: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "T"))
    except ValueError as error:
        example = "2024-08-05T09:00, 2024-08-05T09:00:00+02:00 or 2024-08-05T07:00Z"
        raise BadInput(f"{option}: expected a time such as {example}, found {text!r}.") from error
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise BadInput(f"{option}: expected a year from {_FIRST_YEAR} to {_LAST_YEAR}, found {text!r}.")
    return found


def zone_of(schedule: Schedule | None) -> ZoneInfo:
    return schedule.zone if schedule else ZoneInfo("UTC")
