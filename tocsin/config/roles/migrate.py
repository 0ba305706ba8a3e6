"""`tocsin migrate`: the schema; on the very first run also an example organisation and the first login."""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click
from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from tocsin.apps.configuration import actions as configuration
from tocsin.apps.identity import actions as identity
from tocsin.config import schema
from tocsin.lib import clock, db

logger = logging.getLogger(__name__)

_PACKAGE: Final = Path(__file__).resolve().parents[2]
# In a wheel the build hook put it inside the package; in a checkout it lies beside it.
_EXAMPLES: Final = (_PACKAGE.parent / "examples/org", _PACKAGE / "examples/org")


@dataclass(frozen=True)
class Prepared:
    email: str | None = None
    password: str | None = None
    """Both None unless the first owner's login was made just now."""
    loaded: bool = False
    """Whether the example organisation was loaded."""


def prepare(*, first_run: bool) -> Prepared:
    """Safe on many hosts at once: one does it, the others wait and find it done."""
    with db.lock(settings.TOCSIN.database_url, "tocsin.migrate"):
        call_command("migrate", verbosity=0, interactive=False)
        if not first_run:
            return Prepared()
        prepared = _first_run()
        # Only now: a start that finds the mark skips all of this.
        schema.mark(settings.TOCSIN.database_url)
        return prepared


def _first_run() -> Prepared:
    now = clock.now()
    with transaction.atomic():
        login = identity.bootstrap_admin(now)
    loaded = False
    example = next((folder for folder in _EXAMPLES if folder.is_dir()), None)
    if example is not None:
        loaded = configuration.first_run(example, now)
    email, password = login or (None, None)
    return Prepared(email, password, loaded)


def run(*, first_run: bool, as_json: bool) -> int:
    prepared = prepare(first_run=first_run)
    if as_json:
        click.echo(json.dumps(asdict(prepared)))
    elif prepared.email:
        click.echo(f"The database is up to date. First login: {prepared.email} / {prepared.password}")
    else:
        click.echo("The database is up to date.")
    return 0
