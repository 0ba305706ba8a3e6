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
    )
}
# Accepted now, applied once the parts of the product they speak of exist.
LATER: Final = ("silences", "maintenance", "runbooks", "monitors", "status_pages", "metrics_targets")


def objects(organisation: Organisation) -> dict[tuple[str, str], Form]:
    """Everything the organisation defines, as forms by kind and name. People who are only named have no
    form.
    """
    found: dict[tuple[str, str], Form] = {}
    for key, kind in LISTS.items():
        for value in getattr(organisation, key).values():
            if key != "users" or value.declared:
                found[key, kind.name(value)] = kind.form(value)
    if organisation.routes != EMPTY:
        found["routes", ""] = route_form(organisation.routes)
    if organisation.tables:
        found["tables", ""] = {"tables": tables_form(organisation.tables)}
    if organisation.notification_rules:
        found["notification_rules", ""] = rules_form(organisation.notification_rules)
    if organisation.throttles:
        found["throttles", ""] = {"limits": throttles_form(organisation.throttles)}
    if organisation.last_resort:
        found["last_resort", ""] = {"people": list(organisation.last_resort)}
    return found


def dump(organisation: Organisation) -> str:
    """One YAML document that reads back as the same organisation."""
    document: dict[str, Any] = {}
    if organisation.last_resort:
        document["last_resort"] = list(organisation.last_resort)
    for key, kind in LISTS.items():
        values = getattr(organisation, key).values()
        forms = [kind.form(value) for value in values if key != "users" or value.declared]
        if forms:
            document[key] = forms
    if organisation.routes != EMPTY:
        document["routes"] = route_form(organisation.routes)
    if organisation.tables:
        document["tables"] = tables_form(organisation.tables)
    if organisation.notification_rules:
        document["notification_rules"] = rules_form(organisation.notification_rules)
    if organisation.throttles:
        document["throttles"] = throttles_form(organisation.throttles)
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
