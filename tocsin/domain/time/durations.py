"""Durations as people write them: `0s`, `5m`, `2h`, `1d`, `1w`, `1h30m`."""

import re
from datetime import timedelta
from typing import Final

_UNIT_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART: Final = re.compile(r"(\d+)\s*([wdhms])")
_WHOLE: Final = re.compile(r"(?:\d+\s*[wdhms]\s*)+")
_LONGEST: Final = timedelta(days=3660)
_LONGEST_TEXT: Final = 40


def parse_duration(text: str) -> timedelta:
    """Raise ValueError when `text` is no duration, names a unit twice or is longer than ten years."""
    cleaned = text.strip().lower()
    # A duration far longer than ten years would overflow, and nobody means it.
    if not cleaned or len(cleaned) > _LONGEST_TEXT or not _WHOLE.fullmatch(cleaned):
        raise ValueError("expected a duration such as 30s, 5m, 2h or 1d")
    seconds = 0
    seen: set[str] = set()
    for number, unit in _PART.findall(cleaned):
        if unit in seen:
            raise ValueError(f"the unit {unit!r} appears twice in the duration")
        seen.add(unit)
        seconds += int(number) * _UNIT_SECONDS[unit]
    if seconds > _LONGEST.total_seconds():
        raise ValueError("a duration is at most ten years")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """Write `value` so that `parse_duration` reads it back; parts of a second are dropped."""
    left = int(value.total_seconds())
    if left < 0:
        raise ValueError("a duration is never negative")
    if left == 0:
        return "0s"
    text = ""
    # Weeks are read but never written: 14d says more than 2w beside start_delay and other day counts.
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, _UNIT_SECONDS[unit])
        if count:
            text += f"{count}{unit}"
    return text
