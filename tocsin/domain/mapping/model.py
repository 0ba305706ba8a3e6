"""A definition, and its form as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.mapping import expressions

Texts = tuple[str, ...]  # expressions, of which the first that finds something counts

# The fields of an event, in the order in which people think of them.
FIELDS: Final = (
    *("action", "dedup_key", "summary", "severity", "source", "group_key", "started_at", "ended_at"),
    *("details", "note"),
)
REQUIRED: Final = ("dedup_key", "summary")
EVERY: Final = "*"  # the name of expressions that give many labels at once
_MOST_NAMED: Final = 100
_MOST_TEXTS: Final = 10
_MOST_ROWS: Final = 200
_LONGEST_WORD: Final = 255


@dataclass(frozen=True)
class LinkRule:
    href: str
    text: str = ""


@dataclass(frozen=True)
class ImageRule:
    src: str
    href: str = ""
    alt: str = ""


@dataclass(frozen=True)
class Definition:
    """`events` is the path of the list of events in a message, "" where a message is one event or a list of
    them. `tables` turn the words that `action` and `severity` find into ours; "*" stands for any other.
    `headers` are the request's that are kept. `form`: the message comes as a web form sends it.
    """

    fields: Mapping[str, Texts]
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    labels: Mapping[str, Texts] = field(default_factory=dict)
    annotations: Mapping[str, Texts] = field(default_factory=dict)
    links: tuple[LinkRule, ...] = ()
    images: tuple[ImageRule, ...] = ()
    events: str = ""
    headers: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    form: bool = False


def definition_of(raw: Any) -> Definition:
    """Raises Invalid with a path for every mistake: `labels.host`."""
    if not isinstance(raw, Mapping):
        raise Invalid(FieldError("mapper", "expected the fields of a mapper"))
    reader = _Reader()
    known = {
        *FIELDS,
        "tables",
        "labels",
        "annotations",
        "links",
        "images",
        "events",
        "headers",
        "options",
        "form",
    }
    for name in raw:
        if name not in known:
            reader.wrong(str(name)[:100], f"is no field of a mapper; they are {', '.join(sorted(known))}")
    made = Definition(
        fields={name: reader.texts(raw[name], name) for name in FIELDS if raw.get(name)},
        tables={
            name: reader.table(table, f"tables.{name}")
            for name, table in reader.map(raw.get("tables"), "tables")
        },
        labels={n: reader.texts(v, f"labels.{n}") for n, v in reader.map(raw.get("labels"), "labels")},
        annotations={
            n: reader.texts(v, f"annotations.{n}")
            for n, v in reader.map(raw.get("annotations"), "annotations")
        },
        links=tuple(
            LinkRule(reader.text(each, "href", where), reader.word(each, "text", where))
            for each, where in reader.maps(raw.get("links"), "links")
        ),
        images=tuple(
            ImageRule(
                reader.text(each, "src", where),
                reader.text(each, "href", where) if each.get("href") else "",
                reader.word(each, "alt", where),
            )
            for each, where in reader.maps(raw.get("images"), "images")
        ),
        events=reader.path(raw.get("events"), "events"),
        headers=reader.words(raw.get("headers"), "headers"),
        options=reader.table(raw.get("options"), "options"),
        form=raw.get("form") is True,
    )
    for name in set(made.tables) - {"action", "severity"}:
        reader.wrong(f"tables.{name}", "there are tables for action and severity")
    for name in REQUIRED:
        if not raw.get(name):
            reader.wrong(name, "is required")
    if reader.errors:
        raise Invalid(*reader.errors)
    return made


def form_of(definition: Definition) -> dict[str, Any]:
    """The definition as data, which `definition_of` reads."""

    def shown(texts: Texts) -> str | list[str]:
        return texts[0] if len(texts) == 1 else list(texts)

    form: dict[str, Any] = {name: shown(texts) for name, texts in definition.fields.items()}
    form |= {
        "events": definition.events,
        "form": definition.form,
        "headers": list(definition.headers),
        "labels": {name: shown(texts) for name, texts in definition.labels.items()},
        "annotations": {name: shown(texts) for name, texts in definition.annotations.items()},
        "links": [_filled(rule) for rule in definition.links],
        "images": [_filled(rule) for rule in definition.images],
        "tables": {name: dict(table) for name, table in definition.tables.items()},
        "options": dict(definition.options),
    }
    return {name: value for name, value in form.items() if value}


def _filled(rule: LinkRule | ImageRule) -> dict[str, str]:
    return {name: value for name, value in vars(rule).items() if value}


class _Reader:
    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def wrong(self, field: str, message: str) -> None:
        self.errors.append(FieldError(field, message))

    def texts(self, raw: Any, where: str) -> Texts:
        given = raw if isinstance(raw, list) else [raw]
        if not all(isinstance(each, str) for each in given) or not 1 <= len(given) <= _MOST_TEXTS:
            self.wrong(where, f"expected an expression, or at most {_MOST_TEXTS} of them")
            return ()
        for each in given:
            try:
                expressions.check(each)
            except ValueError as error:
                self.wrong(where, f"{error}: {each[:200]}")
        return tuple(given)

    def text(self, raw: Mapping[str, Any], name: str, where: str) -> str:
        found = self.texts(raw.get(name), f"{where}.{name}")
        return found[0] if found else ""

    def word(self, raw: Mapping[str, Any], name: str, where: str) -> str:
        value = raw.get(name, "")
        if not isinstance(value, str) or len(value) > _LONGEST_WORD or "\0" in value:
            self.wrong(f"{where}.{name}", f"expected a text of at most {_LONGEST_WORD} characters")
            return ""
        return value

    def map(self, raw: Any, where: str) -> list[tuple[str, Any]]:
        if raw is None:
            return []
        if not isinstance(raw, Mapping) or len(raw) > _MOST_NAMED:
            self.wrong(where, f"expected at most {_MOST_NAMED} names with an expression each")
            return []
        pairs = [(str(name), value) for name, value in raw.items()]
        if any(not name or len(name) > _LONGEST_WORD or "\0" in name for name, _ in pairs):
            self.wrong(where, f"a name has 1 to {_LONGEST_WORD} characters")
            return []
        return pairs

    def maps(self, raw: Any, where: str) -> list[tuple[Mapping[str, Any], str]]:
        given = [] if raw is None else raw
        if not isinstance(given, list) or len(given) > _MOST_NAMED:
            self.wrong(where, f"expected a list of at most {_MOST_NAMED}")
            return []
        found = []
        for number, each in enumerate(given):
            if isinstance(each, Mapping):
                found.append((each, f"{where}[{number}]"))
            else:
                self.wrong(f"{where}[{number}]", "expected an address and a text")
        return found

    def table(self, raw: Any, where: str) -> dict[str, str]:
        given = {} if raw is None else raw
        if not isinstance(given, Mapping) or len(given) > _MOST_ROWS:
            self.wrong(where, f"expected at most {_MOST_ROWS} words with what they mean")
            return {}
        rows = {}
        for word, meaning in given.items():
            if isinstance(meaning, str | int | float | bool) and len(str(meaning)) <= _LONGEST_WORD:
                said = str(meaning).lower() if isinstance(meaning, bool) else str(meaning)
                rows[(str(word).lower() if isinstance(word, bool) else str(word))[:_LONGEST_WORD]] = said
            else:
                self.wrong(f"{where}.{word}"[:_LONGEST_WORD], "expected a word")
        return rows

    def words(self, raw: Any, where: str) -> tuple[str, ...]:
        given = [] if raw is None else raw
        if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
            self.wrong(where, "expected a list of names")
            return ()
        return tuple(one.lower() for one in given[:_MOST_NAMED])

    def path(self, raw: Any, where: str) -> str:
        given = "" if raw is None else raw
        steps = given.split(".") if isinstance(given, str) and given else []
        if not isinstance(given, str) or (given and (steps[0] != "payload" or not all(steps))):
            self.wrong(where, "expected the path of a list, such as payload.alerts")
            return ""
        return given
