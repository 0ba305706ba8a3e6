"""Escalation's statements, each in a file of its own with a comment that says what it does."""

from importlib.resources import files

SAVE = (files(__name__) / "save.sql").read_text(encoding="utf-8")
LOCK_TURNS = (files(__name__) / "lock_turns.sql").read_text(encoding="utf-8")
