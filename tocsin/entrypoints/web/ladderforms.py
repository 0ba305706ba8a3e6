"""The policy editor's form: what it shows, and the configuration form that it means.

What is sent becomes the same form as a file has and is read by the same reader. Rungs and their targets are
rows that buttons add, remove and reorder, with script or without. A target's kind says all of what it is but
its name: `schedule:next`, `team:lead`, `chat:slack`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import QueryDict

from tocsin.domain.configuration.ladder import DEFAULT_WAIT, read_policy
from tocsin.domain.configuration.nodes import from_plain
from tocsin.domain.configuration.problems import Report
from tocsin.domain.configuration.reader import Cursor
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.escalation.model import Policy, ScheduleWho, Step, Target, TargetKind, TeamWho
from tocsin.domain.time import format_duration
from tocsin.entrypoints.web import forms

Values = dict[str, Any]

_PLAIN: Final = ("name", "team", "repeat", "fallback", "version")
_STEP: Final = ("wait", "strategy", "ack", "on_empty", "urgency", "during")
_TARGET: Final = ("kind", "name", "role")
_PLAIN_WHO: Final = frozenset({"", TeamWho.MEMBERS, ScheduleWho.CURRENT})
_VERBS: Final = frozenset({"add", "remove", "up", "down", "move", "copy"})
_MOST_ROWS: Final = 100
_UNNAMED: Final = "new policy"
_EMPTY_TARGET: Final = {"kind": "schedule", "name": "", "role": ""}


@dataclass(frozen=True)
class Known:
    """What a target may name. `rooms`: the chats (type → title) that have rooms to post to."""

    people: Collection[str]
    schedules: Collection[str]
    teams: Collection[str]
    policies: Collection[str]
    rooms: Mapping[str, str]


def empty_step() -> Values:
    return {
        "wait": format_duration(DEFAULT_WAIT),
        "strategy": "all",
        "ack": "any",
        "on_empty": "skip",
        "severities": [],
        "urgency": "",
        "during": "",
        "targets": [dict(_EMPTY_TARGET)],
    }


def new_policy() -> Values:
    return {**dict.fromkeys(_PLAIN, ""), "repeat": "0", "steps": [empty_step()], "final": []}


def policy_values(policy: Policy, team: str | None) -> Values:
    return {
        "name": policy.name,
        "team": team or "",
        "repeat": str(policy.repeat),
        "fallback": policy.fallback or "",
        "steps": [_step_values(step) for step in policy.steps],
        "final": [_target_values(target) for target in policy.final],
    }


def _step_values(step: Step) -> Values:
    return {
        "wait": format_duration(step.wait),
        "strategy": str(step.strategy),
        "ack": str(step.ack),
        "on_empty": str(step.on_empty),
        "severities": [str(each) for each in step.when.severities],
        "urgency": str(step.when.urgency or ""),
        "during": str(step.when.during or ""),
        "targets": [_target_values(target) for target in step.targets],
    }


def _target_values(target: Target) -> Values:
    more = target.via if target.kind is TargetKind.CHAT else "" if target.who in _PLAIN_WHO else target.who
    kind = f"{target.kind}:{more}" if more else str(target.kind)
    name = "" if target.kind is TargetKind.OWNERS else target.name
    return {"kind": kind, "name": name, "role": target.role or ""}


def posted_policy(data: QueryDict) -> Values:
    values: Values = {key: data.get(key, "").strip() for key in _PLAIN}
    steps: list[Values] = []
    while f"s-{len(steps)}-wait" in data and len(steps) < _MOST_ROWS:
        prefix = f"s-{len(steps)}"
        step: Values = {key: data.get(f"{prefix}-{key}", "").strip() for key in _STEP}
        step["severities"] = data.getlist(f"{prefix}-severity")
        step["targets"] = _targets(data, f"{prefix}-t")
        steps.append(step)
    values |= {"steps": steps, "final": _targets(data, "f")}
    return _moved(values, data.get("do", ""))


def _targets(data: QueryDict, prefix: str) -> list[Values]:
    found: list[Values] = []
    while f"{prefix}-{len(found)}-kind" in data and len(found) < _MOST_ROWS:
        number = len(found)
        found.append({key: data.get(f"{prefix}-{number}-{key}", "").strip() for key in _TARGET})
    return found


def is_row_deed(deed: str) -> bool:
    """Whether the button only changes the form; `draw` shows it as it was sent."""
    return deed == "draw" or deed.split(" ", maxsplit=1)[0] in _VERBS


def _moved(values: Values, deed: str) -> Values:
    """After a press: `up steps 2`, `add targets 2`, `remove targets 2.1`, `move steps 0 3`, `add final`."""
    verb, _, rest = deed.partition(" ")
    where, _, which = rest.partition(" ")
    if verb not in _VERBS:
        return values
    numbers = [int(part[:6]) for part in which.replace(".", " ").split() if part.isdecimal()]
    rows = values.get(where) if where in {"steps", "final"} else None
    if where == "targets":
        if not numbers or numbers[0] >= len(values["steps"]):
            return values
        rows, numbers = values["steps"][numbers[0]]["targets"], numbers[1:]
    if rows is None:
        return values
    if verb == "add":
        rows.append(empty_step() if where == "steps" else dict(_EMPTY_TARGET))
    elif numbers and numbers[0] < len(rows):
        _shift(rows, verb, numbers)
    return values


def _shift(rows: list[Values], verb: str, numbers: list[int]) -> None:
    at = numbers[0]
    if verb == "copy":
        rows.insert(at + 1, {**rows[at], "targets": [dict(each) for each in rows[at].get("targets", ())]})
        return
    row = rows.pop(at)
    if verb == "move" and len(numbers) > 1:
        rows.insert(numbers[1], row)
    elif verb in {"up", "down"}:
        rows.insert(max(at + (1 if verb == "down" else -1), 0), row)
    elif verb != "remove":
        rows.insert(at, row)


def policy_of(values: Values, known: Known, *, named: bool = True) -> Policy:
    """Raises Invalid with all that is wrong, each under its path: `steps[2].wait`. `named` False: it need not
    have a name yet.
    """
    errors: list[FieldError] = []
    if named and not values["name"]:
        errors.append(FieldError("name", "Please fill this in."))
    places: dict[str, str] = {}  # where the reader finds a target → the row that it is in
    form: Values = {"name": values["name"] or _UNNAMED, "steps": [], "repeat": values["repeat"] or "0"}
    for number, step in enumerate(values["steps"]):
        path = f"steps[{number}]"
        form["steps"].append(_step_form(step, path, known, errors, places))
    if not form["steps"]:
        errors.append(FieldError("steps", "Please add a step: whom to call first."))
    if final := _targets_form(values["final"], "final", known, errors, places):
        form["final"] = final
    if values["fallback"]:
        form["fallback"] = _fallback(values, known, errors)
    report = Report()
    policy = read_policy(Cursor(from_plain(form, "form"), "", report))
    said = {error.field for error in errors}
    for problem in report.errors:
        path = _row_of(problem.path.lstrip("."), places)
        if path not in said:
            errors.append(FieldError(path or "form", problem.message[:1].upper() + problem.message[1:]))
    if errors or policy is None:
        raise Invalid(*errors)
    return policy


def _fallback(values: Values, known: Known, errors: list[FieldError]) -> str:
    fallback: str = values["fallback"]
    if fallback not in known.policies:
        errors.append(FieldError("fallback", f"There is no policy “{fallback}”."))
    elif fallback == values["name"]:
        errors.append(FieldError("fallback", "A policy cannot fall back on itself."))
    return fallback


def _row_of(path: str, places: Mapping[str, str]) -> str:
    return next((row for found, row in places.items() if path.startswith(found)), path)


def _step_form(
    step: Values, path: str, known: Known, errors: list[FieldError], places: dict[str, str]
) -> Values:
    form: Values = {"notify": _targets_form(step["targets"], f"{path}.notify", known, errors, places)}
    if not form["notify"]:
        errors.append(FieldError(f"{path}.notify", "Please say whom to call, or remove the step."))
    form |= {key: step[key] for key in ("wait", "strategy", "ack", "on_empty") if step[key]}
    when: Values = {key: step[key] for key in ("urgency", "during") if step[key]}
    if step["severities"]:
        when["severity"] = step["severities"]
    return form | ({"when": when} if when else {})


def _targets_form(
    rows: Iterable[Values], path: str, known: Known, errors: list[FieldError], places: dict[str, str]
) -> list[Values]:
    """Rows without a name are passed over: they have not been filled in yet."""
    found: list[Values] = []
    for number, row in enumerate(rows):
        if not row["name"] and row["kind"] != TargetKind.OWNERS:
            continue
        places[f"{path}[{len(found)}]"] = f"{path}[{number}]"
        found.append(_target_form(row, f"{path}[{number}]", known, errors))
    return found


def _target_form(row: Values, path: str, known: Known, errors: list[FieldError]) -> Values:
    kind, _, more = row["kind"].partition(":")
    if kind == TargetKind.OWNERS:
        return {kind: "all"}
    name: str = row["name"]
    if kind == TargetKind.USER:
        try:
            name = forms.person(name, path)
        except Invalid as error:
            errors.extend(error.errors)
            return {kind: name}
    if wrong := _unknown(kind, name, known):
        errors.append(FieldError(path, wrong))
    form: Values = {kind: name}
    if kind == TargetKind.CHAT:
        form["via"] = more
    elif more:
        form["who"] = more
    if kind == TargetKind.SCHEDULE and row["role"]:
        form["role"] = row["role"]
    return form


def _unknown(kind: str, name: str, known: Known) -> str:
    """Why a target of that kind cannot be called that; "" when it can."""
    if kind == TargetKind.USER and name not in known.people:
        return f"Nobody here has the address “{name}”: invite them first."
    if kind == TargetKind.SCHEDULE and name not in known.schedules:
        return f"There is no schedule “{name}”."
    if kind == TargetKind.TEAM and name not in known.teams:
        return f"There is no team “{name}”."
    if kind == TargetKind.WEBHOOK and not name.startswith(("https://", "http://")):
        return "Expected an address that begins with https:// or http://."
    return ""


def marked(values: Values, errors: Mapping[str, str]) -> Values:
    """The values with each error beside what it is about, for the page to draw."""

    def first(path: str) -> str:
        return next((text for field, text in errors.items() if field.startswith(path)), "")

    def targets(rows: Iterable[Values], path: str) -> list[Values]:
        return [row | {"error": first(f"{path}[{number}]")} for number, row in enumerate(rows)]

    steps = []
    for number, step in enumerate(values["steps"]):
        path = f"steps[{number}]"
        said = {"wait": errors.get(f"{path}.wait", ""), "notify": errors.get(f"{path}.notify", "")}
        said["when"] = first(f"{path}.when")
        steps.append(step | {"errors": said, "targets": targets(step["targets"], f"{path}.notify")})
    return values | {"steps": steps, "final": targets(values["final"], "final")}


def kinds(rooms: Mapping[str, str], used: Iterable[str] = ()) -> list[tuple[str, list[tuple[str, str]]]]:
    """The choices of a target's kind in groups. `used`: kinds that the form has, kept even if their chat is
    not set up here.
    """
    chats = {f"chat:{via}": title for via, title in rooms.items()}
    for kind in used:
        if kind.startswith("chat:"):
            chats.setdefault(kind, kind.partition(":")[2])
    people = [("user", "Person"), ("owners", "Owners")]
    schedule = [
        ("schedule", "Schedule, now"),
        ("schedule:next", "Schedule, next"),
        ("schedule:previous", "Schedule, before"),
    ]
    team = [("team", "Team members"), ("team:lead", "Team lead"), ("team:manager", "Team manager")]
    machines = [(value, f"Room of {title}") for value, title in sorted(chats.items())]
    machines += [("webhook", "Webhook"), ("runbook", "Runbook")]
    return [("Schedules", schedule), ("People", people), ("Teams", team), ("Not people", machines)]


def used_kinds(values: Values) -> set[str]:
    rows = [*values["final"], *(row for step in values["steps"] for row in step["targets"])]
    return {row["kind"] for row in rows}
