"""One embedded PostgreSQL for the whole run; each xdist worker has a database of its own in it."""

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as examples

from tocsin.config.settings import database
from tocsin.lib.postgres import Cluster

_URL = "tocsin_database_url"
# Nothing here outlives the run, so nothing needs to reach the disk.
_TUNING = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# Properties are looked at in the same examples in every run, so that a build never fails by chance or because
# a machine is slow. To search for new ones: TOCSIN_TEST_EXAMPLES=20 (times as many, new in each run).
_MORE = int(os.environ.get("TOCSIN_TEST_EXAMPLES", "0"))
examples.register_profile(
    "tocsin",
    deadline=None,
    derandomize=not _MORE,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
examples.load_profile("tocsin")
_SETTINGS = "_hypothesis_internal_use_settings"  # what a decorator has set can be reached by no public name


class _Server:
    """Started when first asked for; the controller of an xdist run starts it for its workers."""

    def __init__(self) -> None:
        self._cluster: Cluster | None = None
        self._folder = ""

    def url(self) -> str:
        if given := os.environ.get("TOCSIN_TEST_DATABASE_URL"):
            return given
        if self._cluster is None:
            self._folder = tempfile.mkdtemp(prefix="tocsin-test-")
            self._cluster = Cluster(Path(self._folder), _TUNING)
            self._cluster.start()
        return self._cluster.url

    def stop(self) -> None:
        if self._cluster is not None:
            self._cluster.stop()
            shutil.rmtree(self._folder)
            self._cluster = None


_server = _Server()


class _Controller:
    @pytest.hookimpl
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[_URL] = _server.url()


def pytest_configure(config: pytest.Config) -> None:
    if config.pluginmanager.hasplugin("dsession"):
        config.pluginmanager.register(_Controller())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # One function stands behind all the cases of a parametrised test.
    tests = {item.obj for item in items if isinstance(item, pytest.Function)} if _MORE else set()
    for test in tests:
        if given := getattr(test, _SETTINGS, None):
            more = examples(given, max_examples=given.max_examples * _MORE, derandomize=False)
            setattr(test, _SETTINGS, more)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """A hostile text in a log has to get from a worker to the controller, which takes UTF-8 alone."""
    return _sendable((yield))


def _sendable(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case dict():
            return {_sendable(key): _sendable(inner) for key, inner in value.items()}
        case list() | tuple():
            return type(value)(map(_sendable, value))
    return value


def pytest_unconfigure() -> None:
    _server.stop()


@pytest.fixture(scope="session")
def database_server(request: pytest.FixtureRequest) -> str:
    """The URL of a running PostgreSQL."""
    workerinput: dict[str, str] = getattr(request.config, "workerinput", {})
    return workerinput.get(_URL) or _server.url()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    database_server: str, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    fresh = database(database_server)
    del fresh["OPTIONS"]["pool"]
    settings.DATABASES["default"].update({**fresh, "NAME": settings.DATABASES["default"]["NAME"]})


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Tests with real transactions are cleaned up by TRUNCATE, which append-only tables else refuse."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditentry DISABLE TRIGGER audit_no_truncate")
        cursor.execute("ALTER TABLE oncall_shiftuse DISABLE TRIGGER oncall_use_no_truncate")
