"""The fields of an integration's config, as a form draws them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tocsin.apps.integrations.settings import fields_of, is_set, text_of
from tocsin.ports.source import ConfigField


@dataclass(frozen=True)
class Drawn:
    field: ConfigField
    value: str
    error: str
    is_set: bool

    @property
    def name(self) -> str:
        return f"config.{self.field.name}"

    @property
    def id(self) -> str:
        return "c-" + self.field.name.replace(".", "-")


def drawn(
    kind: str, config: Mapping[str, Any], values: Mapping[str, object], errors: Mapping[str, str]
) -> Mapping[str, object]:
    """For a template: the fields, and what is wrong with the config that is no field's."""
    fields: Sequence[ConfigField] = fields_of(kind, config)
    rows = []
    for field in fields:
        name = f"config.{field.name}"
        secret = field.ask == "secret"
        value = str(values[name]) if name in values and not secret else text_of(field, config)
        rows.append(Drawn(field, value, errors.get(name, ""), is_set(field, config)))
    known = {row.name for row in rows}
    others = [
        f"{name}: {said}" for name, said in errors.items() if name.startswith("config") and name not in known
    ]
    return {"config_fields": rows, "config_errors": others}
