"""The page of the presets says of each what its file says of how its fields are known."""

from pathlib import Path

import pytest

from tocsin.adapters.mapper.presets import presets

PAGE = Path(__file__).parents[2] / "docs/how-to/presets.md"


@pytest.mark.parametrize("kind", sorted(presets()))
def test_the_page_says_what_the_file_says(kind: str) -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith(f"Kind `{kind}`,")]
    assert len(lines) == 1
    assert lines[0].endswith(f" Fields: {presets()[kind].checked}.")
