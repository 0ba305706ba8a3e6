from collections.abc import Iterator

import pytest

from tests.endtoend.harness import Installation


@pytest.fixture(scope="package")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One for all clients: each file brings services and keys of its own."""
    found = Installation(tmp_path_factory.mktemp("compat") / "data")
    try:
        found.start(wait=False).wait_ready(150)
        yield found
    finally:
        found.stop()
