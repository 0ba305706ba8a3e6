"""The form of an integration's rules: what it shows, and the config that it means.

Rules and their conditions are rows that buttons add, remove and reorder, with script or without.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

from django.http import QueryDict

from tocsin.domain.errors import FieldError

Values = dict[str, Any]

_PLAIN: Final = ("name", "then", "dedup_key", "severity")
_CONDITION: Final = ("field", "operator", "value")
_MOST_ROWS: Final = 200


def rules_values(config: Mapping[str, Any], operators: Sequence[str]) -> Values:
    rules = [
        {key: str(rule.get(key) or "") for key in _PLAIN}
        | {"when": [_condition_values(each, operators) for each in _listed(rule.get("when"))]}
        for rule in config.get("rules", ())
    ]
    return {"rules": rules, "otherwise": str(config.get("otherwise") or "trigger")}


def _listed(when: Any) -> list[Any]:
    return [when] if isinstance(when, dict) else list(when or ())


def _condition_values(when: Mapping[str, Any], operators: Sequence[str]) -> Values:
    operator = next((each for each in operators if each in when), operators[0])
    return {"field": when.get("field", "subject"), "operator": operator, "value": when.get(operator, "")}


def posted_rules(data: QueryDict) -> Values:
    """As sent, and moved by the row button that was pressed."""
    rules = []
    for number in takewhile(lambda n: f"r-{n}-then" in data, range(_MOST_ROWS)):
        rule: Values = {key: data.get(f"r-{number}-{key}", "").strip() for key in _PLAIN}
        rule["when"] = _conditions(data, f"r-{number}-w")
        rules.append(rule)
    values = {
        "rules": rules,
        "otherwise": data.get("otherwise", "trigger"),
        "version": data.get("version", ""),
    }
    _move(rules, data.get("do", ""))
    return values


def _conditions(data: QueryDict, prefix: str) -> list[Values]:
    numbers = takewhile(lambda n: f"{prefix}-{n}-value" in data, range(_MOST_ROWS))
    return [{key: data.get(f"{prefix}-{n}-{key}", "").strip() for key in _CONDITION} for n in numbers]


def _move(rules: list[Values], deed: str) -> None:
    """`add rules`, `up rules 2`, `down rules 0`, `remove rules 1`; `add when 2`, `remove when 2.1`."""
    verb, _, rest = deed.partition(" ")
    where, _, which = rest.partition(" ")
    numbers = [int(part[:6]) for part in which.split(".") if part.isdecimal()]
    if where == "when" and numbers and numbers[0] < len(rules):
        rows, numbers = rules[numbers[0]]["when"], numbers[1:]
    elif where == "rules":
        rows = rules
    else:
        return
    if verb == "add":
        condition = {"field": "subject", "operator": "contains", "value": ""}
        blank = {**dict.fromkeys(_PLAIN, ""), "then": "trigger", "when": [condition]}
        rows.append(blank if where == "rules" else condition)
    elif verb in {"up", "down", "remove"} and numbers and numbers[0] < len(rows):
        row = rows.pop(numbers[0])
        if verb != "remove":
            rows.insert(max(numbers[0] + (1 if verb == "down" else -1), 0), row)


def config_of(values: Values, config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with these rules in it; what is empty is left out."""
    made = {name: value for name, value in config.items() if name not in {"rules", "otherwise"}}
    rules = [
        {key: rule[key] for key in _PLAIN if rule[key]}
        | {"when": [{"field": each["field"], each["operator"]: each["value"]} for each in rule["when"]]}
        for rule in values["rules"]
    ]
    if rules:
        made["rules"] = rules
    if values["otherwise"] != "trigger":
        made["otherwise"] = values["otherwise"]
    return made


def place_errors(values: Values, errors: Iterable[FieldError]) -> list[str]:
    """Puts each error beside its row; gives those that have none."""
    others = []
    for error in errors:
        field = error.field.removeprefix("config.")
        row = _row_of(values, field)
        if row is None:
            others.append(f"{field}: {error.message}")
        else:
            row.setdefault("errors", []).append(f"{field.rpartition('.')[2]} {error.message}")
    return others


def _row_of(values: Values, field: str) -> Values | None:
    rows: dict[str, Values] = {}
    for number, rule in enumerate(values["rules"]):
        for place, condition in enumerate(rule["when"]):
            rows[f"rules[{number}].when[{place}]"] = condition
        rows[f"rules[{number}]"] = rule
    return next((row for start, row in rows.items() if field.startswith(start)), None)
