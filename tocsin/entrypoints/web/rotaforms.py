"""The editors' forms: what they show, and the configuration form that they mean.

What is sent becomes the same form as a file has and is read by the same reader, so a page accepts what a file
may say and nothing else. Rows (participants, restrictions, layers) are lists of texts that buttons grow,
shrink and reorder, with script or without.
"""

import json
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any, TypeVar

from django.http import QueryDict

from tocsin.apps.identity import queries as identity
from tocsin.domain.configuration.nodes import from_plain
from tocsin.domain.configuration.problems import Report
from tocsin.domain.configuration.reader import Cursor
from tocsin.domain.configuration.rota import read_rotation, read_schedule, rotation_form, schedule_form
from tocsin.domain.errors import Conflict, FieldError, Invalid
from tocsin.domain.schedule import Participant, Rotation
from tocsin.domain.schedule.definition import RotationDefinition, ScheduleDefinition
from tocsin.entrypoints.web import forms

Values = dict[str, Any]
T = TypeVar("T")

NOBODY = "nobody"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WORKING = list(DAYS[:5])
_PLAIN = ("name", "type", "every", "timezone", "advance", "role", "follows", "start_delay", "until")
_SCHEDULE = ("name", "team", "timezone", "readiness")
_WINDOW = ("kind", "start", "end", "from_day", "from_time", "to_day", "to_time")
_LAYER = ("rotation", "priority", "role")
_DAYS_WINDOW = {"kind": "days", "days": _WORKING, "start": "09:00", "end": "17:00"}
_WEEK_SPAN = {"kind": "span", "from_day": "fri", "from_time": "17:00", "to_day": "mon", "to_time": "09:00"}


def need_free(name: str, known: Collection[str]) -> None:
    if name in known:
        raise Invalid(FieldError("name", "There is one of that name already."))


def need_same(kind: str, *, seen: str, present: str, from_file: bool) -> None:
    """That nobody changed it since the form was opened. Raises Conflict."""
    if from_file:
        raise Conflict(f"A configuration file owns this {kind}: change it there, or unlock it.")
    if seen != present:
        raise Conflict(
            f"Somebody else changed this {kind} while you did. What you typed is kept: compare it with what "
            "is there now, and save again to put yours in its place."
        )


def version(form: Mapping[str, Any] | None) -> str:
    """Another one after any change; "" of what is not there yet."""
    return "" if form is None else sha256(json.dumps(form, sort_keys=True).encode()).hexdigest()[:16]


def new_rotation(zone: str, date: str) -> Values:
    return {
        "type": "weekly",
        "every": "1",
        "date": date,
        "time": "09:00",
        "timezone": zone,
        "participants": ["", ""],
        "restrictions": [],
    }


def rotation_values(definition: RotationDefinition, whole: Rotation | None) -> Values:
    """`whole`: the complete rotation, from which the first hand-off is told when the definition does not."""
    form = rotation_form(definition)
    values: Values = {key: str(form[key]) for key in _PLAIN if key in form}
    values["participants"] = [_participant_text(one) for one in definition.participants or ()]
    values["restrictions"] = [_restriction_values(each) for each in form.get("restrictions", ())]
    if whole is not None and (definition.says_when or definition.follows is None):
        values |= {"date": f"{whole.start:%Y-%m-%d}", "time": f"{whole.start:%H:%M}"}
    return values


def posted_rotation(data: QueryDict) -> Values:
    values: Values = {
        key: data.get(key, "").strip() for key in (*_PLAIN, "date", "time", "effective", "version")
    }
    values["participants"] = [text.strip() for text in data.getlist("participants")]
    values["restrictions"] = _rows(data, "r", _WINDOW)
    return _moved(values, data.get("do", ""))


def rotation_of(
    values: Values, before: RotationDefinition | None, whole: Rotation | None
) -> RotationDefinition:
    """Raises Invalid with all that is wrong, each under the name of its field."""
    form: Values = {key: values[key] for key in _PLAIN if values.get(key)}
    participants = [text for text in values["participants"] if text]
    errors = _unnamed(values)
    if participants or not values.get("follows"):
        form["participants"] = [
            _participant(text, number, errors) for number, text in enumerate(participants)
        ]
    errors.extend(
        FieldError(f"restrictions[{number}]", "Please choose at least one day.")
        for number, each in enumerate(values["restrictions"])
        if each["kind"] == "days" and not each["days"]
    )
    restrictions = [_restriction(each) for each in values["restrictions"]]
    if restrictions or (before is not None and before.restrictions is not None):
        form["restrictions"] = restrictions
    shown = {"date": f"{whole.start:%Y-%m-%d}", "time": f"{whole.start:%H:%M}"} if whole else {}
    same = before is not None and shown and {key: values.get(key) for key in shown} == shown
    if same and before is not None and values.get("type") == str(before.unit or values.get("type")):
        # Nothing new was said of the hand-off, so it stays in the words it was said in.
        said = rotation_form(before)
        form |= {key: said[key] for key in ("start", "handoff_time", "handoff_day") if key in said}
    elif values.get("date"):
        form["start"] = f"{values['date']}T{values.get('time') or '09:00'}"
    elif values.get("time"):
        form["handoff_time"] = values["time"]
    if not participants and not values.get("follows"):
        form.pop("participants")
        errors.append(FieldError("participants", "Please name at least one person, or a rotation to follow."))
    report = Report()
    definition = read_rotation(Cursor(from_plain(form, "form"), "", report))
    return _sound(definition, report, errors, named={"start": "date", "handoff_time": "time"})


def new_schedule(zone: str) -> Values:
    return {"timezone": zone, "layers": [{"rotation": "", "priority": "1", "role": ""}], "fallback": ""}


def schedule_values(definition: ScheduleDefinition) -> Values:
    form = schedule_form(definition)
    values: Values = {key: str(form[key]) for key in _SCHEDULE if key in form}
    if definition.readiness is not None and not definition.readiness:
        values["readiness"] = "off"
    values["layers"] = [{key: str(layer.get(key, "")) for key in _LAYER} for layer in form["layers"]]
    values["fallback"] = ", ".join(definition.fallback)
    values["swap_approval"] = definition.swap_approval
    return values


def posted_schedule(data: QueryDict) -> Values:
    values: Values = {key: data.get(key, "").strip() for key in (*_SCHEDULE, "fallback", "version")}
    values["layers"] = _rows(data, "l", _LAYER)
    values["swap_approval"] = data.get("swap_approval") == "yes"
    return _moved(values, data.get("do", ""))


def schedule_of(values: Values) -> ScheduleDefinition:
    """Raises Invalid with all that is wrong."""
    form: Values = {key: values[key] for key in _SCHEDULE if values.get(key)}
    errors = _unnamed(values)
    layers = [layer for layer in values["layers"] if layer["rotation"]]
    form["layers"] = [{key: layer[key] for key in _LAYER if layer[key]} for layer in layers]
    if not layers:
        errors.append(FieldError("layers", "Please choose at least one rotation."))
    form["fallback"] = _people(values["fallback"], "fallback", errors)
    form["swap_approval"] = "true" if values["swap_approval"] else "false"
    report = Report()
    definition = read_schedule(Cursor(from_plain(form, "form"), "", report))
    return _sound(definition, report, errors, named={})


def _unnamed(values: Values) -> list[FieldError]:
    return [] if values.get("name") else [FieldError("name", "Please fill this in.")]


def _sound(definition: T | None, report: Report, errors: list[FieldError], named: Mapping[str, str]) -> T:
    for problem in report.errors:
        field = problem.path.split(".")[0]
        message = problem.message[:1].upper() + problem.message[1:]
        row = field.partition("[")[0]
        known = {error.field.partition("[")[0] for error in errors}
        # What is wrong with the whole is often a consequence of what is wrong with a part.
        if row not in known and (row or not known):
            errors.append(FieldError(named.get(field, field) or "form", message))
    if errors or definition is None:
        raise Invalid(*errors)
    return definition


def _rows(data: QueryDict, prefix: str, keys: tuple[str, ...]) -> list[Values]:
    found: list[Values] = []
    while f"{prefix}-{len(found)}-{keys[0]}" in data and len(found) < 200:  # noqa: PLR2004  (a form's)
        number = len(found)
        row: Values = {key: data.get(f"{prefix}-{number}-{key}", "").strip() for key in keys}
        found.append(row | {"days": data.getlist(f"{prefix}-{number}-days")})
    return found


def _moved(values: Values, deed: str) -> Values:
    """After the press of a button such as `up participants 2` or `add layers`."""
    verb, _, rest = deed.partition(" ")
    where, _, which = rest.partition(" ")
    rows = values.get(where)
    if verb not in {"add", "remove", "up", "down"} or not isinstance(rows, list):
        return values
    if verb == "add":
        blank: dict[str, Any] = {
            "participants": "",
            "layers": {"rotation": "", "priority": "1", "role": ""},
            "restrictions": _WEEK_SPAN if which == "span" else _DAYS_WINDOW,
        }
        return values | {where: [*rows, blank[where]]}
    number = int(which[:6]) if which.isdecimal() else -1
    if not 0 <= number < len(rows):
        return values
    row = rows.pop(number)
    if verb != "remove":
        rows.insert(max(number + (1 if verb == "down" else -1), 0), row)
    return values


def is_row_deed(deed: str) -> bool:
    return deed.split(" ", maxsplit=1)[0] in {"add", "remove", "up", "down"}


def _participant_text(participant: Participant) -> str:
    return ", ".join(participant.people) or NOBODY


def _participant(text: str, number: int, errors: list[FieldError]) -> Values:
    if text.lower() in {NOBODY, "unassigned"}:
        return {"unassigned": True}
    people = _people(text, f"participants[{number}]", errors)
    return {"user": people[0]} if len(people) == 1 else {"group": people}


def _people(text: str, field: str, errors: list[FieldError]) -> list[str]:
    """E-mails of a list of addresses or names with commas between them."""
    known = {each.email for each in identity.people()}
    found: list[str] = []
    for part in (piece.strip() for piece in text.split(",")):
        if not part:
            continue
        try:
            email = forms.person(part, field)
        except Invalid as error:
            errors.extend(error.errors)
            continue
        if email not in known:
            errors.append(FieldError(field, f"Nobody here has the address “{email}”: invite them first."))
        found.append(email)
    return found


def _restriction(row: Values) -> Values:
    if row["kind"] == "span":
        return {end: f"{row[f'{end}_day']} {row[f'{end}_time']}".strip() for end in ("from", "to")}
    return {"days": row["days"], "start": row["start"] or "00:00", "end": row["end"] or "00:00"}


def _restriction_values(form: Mapping[str, Any]) -> Values:
    if "from" not in form:
        return {"kind": "days", "days": list(form["days"]), "start": form["start"], "end": form["end"]}
    values: Values = {"kind": "span"}
    for end in ("from", "to"):
        values[f"{end}_day"], _, values[f"{end}_time"] = form[end].partition(" ")
    return values


def row_errors(errors: Mapping[str, str]) -> dict[str, list[str]]:
    """What is wrong with rows, by the list they are in, each with the number of its row."""
    found: dict[str, list[str]] = {}
    for field, message in errors.items():
        where, _, number = field.partition("[")
        row = f"{int(number[:-1]) + 1}: " if number[:-1].isdecimal() else ""
        found.setdefault(where, []).append(f"{row}{message}")
    return found
