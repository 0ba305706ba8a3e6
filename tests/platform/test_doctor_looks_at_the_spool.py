from dataclasses import dataclass
from pathlib import Path

from tests.ingest.test_spools_are_damaged import filled
from tocsin.config.roles import spoolline


@dataclass(frozen=True)
class Options:
    spool_dir: Path
    spool_mb: int = 1


def test_what_waits_is_told_with_what_to_do(tmp_path: Path) -> None:
    assert spoolline.look(Options(tmp_path / "none"))[1:3] == (
        "fine",
        "nothing waits on disk for the database",
    )
    filled(tmp_path)
    check, state, detail, hint = spoolline.look(Options(tmp_path))
    assert (check, state) == ("spool", "warning")
    assert "events wait" in detail
    assert hint
