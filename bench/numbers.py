"""Percentiles and the one line a result is printed as."""

from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Linear interpolation, `share` from 0 to 1."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def verdict(name: str, measured: float, limit: float, unit: str = "s", *, at_least: bool = False) -> str:
    """A row for the table in docs/explanation/performance.md: measured, promised, and their ratio."""
    met = measured >= limit if at_least else measured <= limit
    sign = "≥" if at_least else "≤"
    state = "met" if met else "MISSED"
    return f"| {name} | {measured:.3g} {unit} | {sign} {limit:g} {unit} | {measured / limit:.2f} | {state} |"


HEADER = "| what | measured | promised | ratio | |\n| --- | --- | --- | --- | --- |"
