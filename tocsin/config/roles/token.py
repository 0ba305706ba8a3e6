"""`tocsin token create`: an API token, made beside the database."""

import json

import click

from tocsin.apps.identity import actions
from tocsin.domain.errors import TocsinError
from tocsin.domain.permissions import SYSTEM, Role
from tocsin.lib import clock


def run(*, name: str, role: str, as_json: bool) -> int:
    try:
        wanted = Role(role)
    except ValueError:
        raise click.BadParameter(f"one of {', '.join(Role)}", param_hint="--role") from None
    try:
        info, raw = actions.create_token(actor=SYSTEM, name=name, role=wanted, now=clock.now())
    except TocsinError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps({"name": info.name, "role": info.role, "token": raw}))
    else:
        click.echo(raw)
    return 0
