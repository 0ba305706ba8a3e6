"""An empty database for one run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tocsin.lib.postgres import Cluster


@contextmanager
def database(folder: Path) -> Iterator[None]:
    """Django in this process, on an empty database."""
    cluster = Cluster(folder / "pg")
    cluster.start()
    try:
        os.environ["TOCSIN_DATABASE_URL"] = cluster.url
        os.environ["TOCSIN_DATA_DIR"] = str(folder / "data")
        from tocsin.config import bootstrap  # noqa: PLC0415 - settings are read from the lines above

        bootstrap.setup()
        from django.core.management import call_command  # noqa: PLC0415 - as above
        from django.db import connections  # noqa: PLC0415 - as above

        call_command("migrate", verbosity=0)
        yield
        connections.close_all()
    finally:
        cluster.stop()
