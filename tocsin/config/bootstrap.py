"""Making Django ready in a process of ours."""

import os

import django

from tocsin.config.options import Options, load
from tocsin.lib.env import Problem, WrongSettingsError


def setup() -> Options:
    """Raises WrongSettingsError; also when no database is known."""
    options = load()
    if not options.database_url:
        raise WrongSettingsError(
            (
                Problem(
                    "S011",
                    f"No TOCSIN_DATABASE_URL is set and no `tocsin up` runs in {options.data_dir}.",
                    "Set TOCSIN_DATABASE_URL, or start `tocsin up`, which brings its own PostgreSQL.",
                ),
            )
        )
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.config.settings")
    django.setup()
    return options
