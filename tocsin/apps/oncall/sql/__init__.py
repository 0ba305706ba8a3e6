"""Statements of the rota, each in a file of its own with a comment that says what it does."""

from importlib.resources import files


def _read(name: str) -> str:
    return (files(__name__) / f"{name}.sql").read_text(encoding="utf-8")


SAY_EVENTS = _read("say_events")
