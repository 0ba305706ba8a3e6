from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.endtoend.harness import Installation
from tocsin.testing.hooks import HookReceiver
from tocsin.testing.mailbox import Mailbox


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def hooks() -> Iterator[HookReceiver]:
    with HookReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def tocsin(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Installation]:
    """A whole installation with a real mail server behind it, shared by the tests of one file."""
    data: Path = tmp_path_factory.mktemp("up") / "data"
    installation = Installation(data, {"TOCSIN_SMTP_URL": mailbox.url}).start()
    try:
        yield installation
    finally:
        installation.stop()
