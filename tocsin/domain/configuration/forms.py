"""The kinds of object, and their canonical form: plain JSON values that are stored, compared and exported."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from tocsin.domain.configuration.catalog import integration_form, service_form
from tocsin.domain.configuration.ladder import policy_form, severity_form
from tocsin.domain.configuration.model import Organisation
from tocsin.domain.configuration.nodes import Node, Scalar, Sequence
from tocsin.domain.configuration.people import rules_form, team_form, user_form
from tocsin.domain.configuration.quiet import inhibitions_form, silence_form, storm_form
from tocsin.domain.configuration.rota import rotation_form, schedule_form
from tocsin.domain.configuration.routes import route_form, tables_form
from tocsin.domain.configuration.throttles import throttles_form
from tocsin.domain.routing import EMPTY

Form = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One top-level key that holds a list of named objects."""

    key: str
    form: Callable[[Any], Form]
    name_key: str = "name"

    def name(self, value: Any) -> str:
        if self.key == "severities":
            return str(value.severity)
        return str(getattr(value, self.name_key))


# In the order of the file, which is also an order in which they can be made.
LISTS: Final[Mapping[str, Kind]] = {
    kind.key: kind
    for kind in (
        Kind("users", user_form, "email"),
        Kind("teams", team_form),
        Kind("rotations", rotation_form),
        Kind("schedules", schedule_form),
        Kind("severities", severity_form),
        Kind("escalation_policies", policy_form),
        Kind("services", service_form),
        Kind("integrations", integration_form),
        Kind("silences", silence_form),
        Kind("maintenance", silence_form),
    )
}
# Top-level keys that are one object each.
SINGLES: Final = (
    "tables",
    "routes",
    "notification_rules",
    "throttles",
    "inhibitions",
    "storm",
    "last_resort",
)
# Those that are lists: under which word a difference shows them.
_HELD: Final = {"tables": "tables", "throttles": "limits", "inhibitions": "rules", "last_resort": "people"}
# Accepted now, applied once the parts of the product they speak of exist.
LATER: Final = ("runbooks", "monitors", "status_pages", "metrics_targets")


def objects(organisation: Organisation) -> dict[tuple[str, str], Form]:
    """Everything the organisation defines, as forms by kind and name. People who are only named have no
    form.
    """
    found: dict[tuple[str, str], Form] = {}
    for key, kind in LISTS.items():
        for value in getattr(organisation, key).values():
            if key != "users" or value.declared:
                found[key, kind.name(value)] = kind.form(value)
    # Heartbeats stand below their integration, and are made, changed and removed one by one.
    for name in organisation.integrations:
        for beat in found["integrations", name].pop("heartbeats", ()):
            found["heartbeats", f"{name}/{beat['name']}"] = beat
    for key, form in _singles(organisation).items():
        found[key, ""] = form if isinstance(form, dict) and key != "tables" else {_HELD[key]: form}
    return found


def _singles(organisation: Organisation) -> Form:
    """The keys that are one object each, as a file writes them; what says nothing is left out."""
    storm = organisation.storm
    found: Form = {
        "routes": None if organisation.routes == EMPTY else route_form(organisation.routes),
        "tables": tables_form(organisation.tables),
        "notification_rules": rules_form(organisation.notification_rules),
        "throttles": throttles_form(organisation.throttles),
        "inhibitions": inhibitions_form(organisation.inhibitions),
        "storm": storm and storm_form(storm),
        "last_resort": list(organisation.last_resort),
    }
    return {key: form for key, form in found.items() if form}


def dump(organisation: Organisation) -> str:
    """One YAML document that reads back as the same organisation."""
    document: dict[str, Any] = {}
    singles = _singles(organisation)
    if "last_resort" in singles:
        document["last_resort"] = singles.pop("last_resort")
    for key, kind in LISTS.items():
        values = getattr(organisation, key).values()
        forms = [kind.form(value) for value in values if key != "users" or value.declared]
        for form in forms:
            if form.get("silent_after") == "off":
                del form["silent_after"]
        if forms:
            document[key] = forms
    document |= singles
    for key, entries in organisation.kept.items():
        document[key] = [json.loads(entry) for entry in entries]
    if not document:
        return ""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)


def canonical(node: Node) -> str:
    """Any node as JSON text, scalars as text."""
    return json.dumps(_plain(node), ensure_ascii=False)


def _plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return None if node.is_null else node.text
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    return {entry.key: _plain(entry.value) for entry in node.entries}
