"""The command `tocsin`: what runs beside the database is here, what speaks HTTP is in `entrypoints/cli`."""

import sys
from importlib import import_module
from typing import Any, Final

import click

from tocsin import __version__
from tocsin.entrypoints import cli
from tocsin.lib.env import WrongSettingsError

FAILED: Final = 1
WRONG_USE: Final = 2
_SOURCES: Final = "tocsin.config.sources"
_NEED_SOURCES: Final = frozenset({"datadog", "explain"})


class _Commands(click.Group):
    """Ours, and those of `entrypoints/cli`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *sorted(cli.names())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _NEED_SOURCES:
            import_module(_SOURCES).fill()
        return super().get_command(ctx, cmd_name) or cli.command(cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tocsin")
def group() -> None:
    """Tocsin: alerts in, the right person woken, everyone told, and learnt from."""


def _role(name: str, *, django: bool = True) -> Any:
    # Imported when run, and only then: `tocsin oncall -f` must not pay for the server, and modules that know
    # tables can be imported only once Django is set up.
    if django:
        import_module("tocsin.config.bootstrap").setup()
    return import_module(f"tocsin.config.roles.{name}")


@group.command()
def up() -> None:
    """All in one: PostgreSQL (unless TOCSIN_DATABASE_URL is set), web, ingest and worker."""
    _role("up", django=False).run()


@group.command()
def serve() -> None:
    """Web pages, API and ingest on one port; any number on any number of hosts."""
    _role("serve").run()


@group.command()
def worker() -> None:
    """Escalation, notification and everything else that falls due; any number on any number of hosts."""
    _role("worker").run()


@group.command()
@click.option(
    "--first-run", is_flag=True, hidden=True, help="Also load the example and make the first login."
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def migrate(*, first_run: bool, as_json: bool) -> int:
    """Bring the database's schema up to date; safe to run twice at once."""
    return int(_role("migrate").run(first_run=first_run, as_json=as_json))


@group.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(*, as_json: bool) -> int:
    """Check settings, database, mail, Slack, PagerDuty and the clock; say what to fix."""
    return int(_role("doctor", django=False).run(as_json=as_json))


@group.group()
def token() -> None:
    """API tokens."""


@token.command()
@click.option("--name", required=True, help="What it is for.")
@click.option("--role", required=True, help="owner, admin, responder or observer.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def create(*, name: str, role: str, as_json: bool) -> int:
    """Make an API token and print it: this once."""
    return int(_role("token").run(name=name, role=role, as_json=as_json))


def main(arguments: list[str] | None = None) -> None:
    """Exit codes: 0 fine, 1 failed, 2 wrong usage, settings or input."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    try:
        outcome = group.main(args=arguments, prog_name="tocsin", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        click.echo("Stopped.", err=True)
        return FAILED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except WrongSettingsError as error:
        click.echo("Tocsin cannot start with these settings:", err=True)
        for problem in error.problems:
            click.echo(f"  {problem.id}  {problem.message}\n        {problem.hint}", err=True)
        return WRONG_USE
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        return 0
    return outcome if isinstance(outcome, int) else 0
