"""The outbox's statements, each in a file of its own with a comment that says what it does."""

from importlib.resources import files


def _read(*names: str) -> str:
    return "".join((files(__name__) / f"{name}.sql").read_text(encoding="utf-8") for name in names)


BEAT = _read("beat")
CLAIM = _read("claim", "jobs")
HAND_OVER = _read("hand_over")
JOBS = _read("these", "jobs")
OPEN = _read("open")
REACHED = _read("reached")
RELEASE_DEAD = _read("release_dead")
SENT = _read("sent")
SENT_OVER = _read("sent_over")
SENT_TO = _read("sent_to")
SIBLINGS = _read("siblings", "waiting")
WALK = _read("walk", "waiting")
WINDOW = _read("window", "waiting")
