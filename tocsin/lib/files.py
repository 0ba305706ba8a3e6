"""Small files that hold secrets or state."""

import os
from pathlib import Path


def write_secret(path: Path, text: str) -> None:
    """Put `text` at `path`, readable for this user alone; readers see the old or the new text, never half."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = _fresh(path, text)
    fresh.replace(path)


def create_secret(path: Path, text: str) -> str:
    """Like `write_secret`, but the first writer wins; what `path` holds afterwards."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = _fresh(path, text)
    try:
        # A link either creates the complete file or finds another process's.
        path.hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text(encoding="utf-8").strip()


def _fresh(path: Path, text: str) -> Path:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return fresh
