"""What an integration's config says, field by field: for forms and the API, which gives no secret back."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tocsin.domain.errors import FieldError, Invalid
from tocsin.ports import registry
from tocsin.ports.source import Ask, ConfigField, DescribedSource

_QUOTA: Final = ConfigField(
    "quota",
    "Most events a minute",
    "Above it repeats are folded into one for longer; only far above are events refused. Empty: no limit.",
    Ask.NUMBER,
)
_DIGITS: Final = 9


def fields_of(kind: str, config: Mapping[str, Any]) -> Sequence[ConfigField]:
    """What may be said to an integration of that kind; an own mapper has options of its own."""
    if kind not in registry.sources:
        return (_QUOTA,)
    try:
        source = registry.bound(kind, config)
    except Invalid:  # of an older version: the form says what is wrong when it is saved
        source = registry.source(kind)
    own = source.fields if isinstance(source, DescribedSource) else ()
    return (*own, _QUOTA)


def text_of(field: ConfigField, config: Mapping[str, Any]) -> str:
    """As a form shows it; of a list one a line. A secret is shown to nobody."""
    value = _at(config, field.name)
    if field.ask is Ask.SECRET:
        return ""
    if value is None:
        return field.default
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return "\n".join(value.replace(",", " ").split()) if field.ask is Ask.LIST else str(value)


def is_set(field: ConfigField, config: Mapping[str, Any]) -> bool:
    return bool(_at(config, field.name))


def filled_in(
    fields: Sequence[ConfigField], config: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, Any]:
    """The config with what a form says by names that begin with `config.`; what it does not name stays. A
    secret that is left empty stays too, unless `<name>.clear` is ticked. Raises Invalid.
    """
    made = dict(config)
    for field in fields:
        name = f"config.{field.name}"
        if name not in given:
            continue
        text = given[name].replace("\0", "").strip()
        if field.ask is Ask.SECRET:
            if text or given.get(f"{name}.clear"):
                _put(made, field.name, text or None)
        else:
            _put(made, field.name, _value(field, text))
    return made


def without_secrets(kind: str, config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What may be given out, and the names of the secrets that are set."""
    made = dict(config)
    found = []
    for field in fields_of(kind, config):
        if field.ask is Ask.SECRET and is_set(field, config):
            _put(made, field.name, None)
            found.append(field.name)
    return made, found


def with_secrets(kind: str, kept: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A config that was given out and comes back: secrets that it does not name stay, null ends one."""
    made = dict(given)
    for field in fields_of(kind, kept):
        if field.ask is Ask.SECRET:
            _put(made, field.name, _at(given, field.name) if field.name in given else _at(kept, field.name))
    return made


def _value(field: ConfigField, text: str) -> Any:
    """None: as if nothing were said."""
    if field.ask is Ask.LIST:
        words = [line.strip() for line in text.splitlines() if line.strip()]
        return None if sorted(words) == sorted(field.default.split()) else words
    if not text or text == field.default:
        return None
    if field.ask is Ask.NUMBER:
        if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
            raise Invalid(FieldError(f"config.{field.name}", "expected a whole number"))
        return int(text)
    return text


def _at(config: Mapping[str, Any], name: str) -> Any:
    first, _, rest = name.partition(".")
    value = config.get(first)
    if not rest:
        return value
    return _at(value, rest) if isinstance(value, Mapping) else None


def _put(config: dict[str, Any], name: str, value: Any) -> None:
    first, _, rest = name.partition(".")
    if rest:
        inner = dict(config.get(first) or {})
        _put(inner, rest, value)
        value = inner or None
    if value is None:
        config.pop(first, None)
    else:
        config[first] = value
