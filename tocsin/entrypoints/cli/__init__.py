"""The commands that need no database: offline ones, and those that speak HTTP to a server."""

import click

from tocsin.entrypoints.cli.configuration import apply, export, plan, validate
from tocsin.entrypoints.cli.demo import demo
from tocsin.entrypoints.cli.incident import alert, incident, page
from tocsin.entrypoints.cli.oncall import oncall


def commands() -> list[click.Command]:
    return [validate, plan, apply, export, oncall, incident, page, alert, demo]
