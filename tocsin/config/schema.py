"""Whether the database already has the schema of this very code, told without loading the framework.

The mark is a comment on PostgreSQL's schema: it travels with a dump, so that a restored older database is
brought up to date and not taken for a new one.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

_APPS: Final = Path(__file__).resolve().parent.parent / "apps"
_OTHERS: Final = ("django", "django-allauth", "procrastinate")
_READ: Final = "SELECT obj_description(current_schema()::regnamespace, 'pg_namespace')"


def fingerprint() -> str:
    held = hashlib.sha256()
    for path in sorted(_APPS.glob("*/migrations/**/*")):
        if path.suffix in {".py", ".sql"}:
            held.update(path.relative_to(_APPS).as_posix().encode() + b"\0" + path.read_bytes())
    for package in _OTHERS:
        held.update(f"{package}={version(package)}\0".encode())
    return f"tocsin {held.hexdigest()[:32]}"


def current(url: str) -> bool:
    """Whether `mark` was called by this code; False also when the database does not answer."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            return connection.execute(_READ).fetchone() == (fingerprint(),)
    except psycopg.Error:
        return False


def mark(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute("SELECT current_schema()").fetchone()
            name = sql.Identifier(row[0] if row else "public")
            comment = sql.SQL("COMMENT ON SCHEMA {} IS {}").format(name, sql.Literal(fingerprint()))
            connection.execute(comment)
    except psycopg.errors.InsufficientPrivilege:
        # Somebody else's schema: then every start looks for itself, which only takes longer.
        return
