"""The outbox's statements, each in a file of its own with a comment that says what it does."""

from importlib.resources import files


def _read(name: str) -> str:
    return (files(__name__) / f"{name}.sql").read_text(encoding="utf-8")


BEAT = _read("beat")
CLAIM = _read("claim")
HAND_OVER = _read("hand_over")
REACHED = _read("reached")
RELEASE_DEAD = _read("release_dead")
SENT = _read("sent")
