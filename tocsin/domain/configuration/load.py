"""Configuration files to an Organisation: all documents of all files, read together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tocsin.domain.configuration import reader
from tocsin.domain.configuration.catalog import read_integration, read_service
from tocsin.domain.configuration.forms import LATER, LISTS, canonical
from tocsin.domain.configuration.ladder import read_policy, read_severity
from tocsin.domain.configuration.model import Organisation, User
from tocsin.domain.configuration.nodes import Node, Scalar, Sequence, SyntaxProblem, Table, documents
from tocsin.domain.configuration.people import read_rules, read_team, read_user
from tocsin.domain.configuration.problems import Place, Report
from tocsin.domain.configuration.quiet import read_inhibitions, read_silence, read_storm
from tocsin.domain.configuration.reader import Cursor, Fields
from tocsin.domain.configuration.references import people_named
from tocsin.domain.configuration.rota import follow_the_one_before, read_rotation, read_schedule
from tocsin.domain.configuration.routes import read_routes, read_tables
from tocsin.domain.configuration.secrets import Filler, Secrets
from tocsin.domain.configuration.throttles import read_throttles

MAX_FILES: Final = 1000

_READERS: Final[Mapping[str, Callable[[Cursor], Any]]] = {
    "users": read_user,
    "teams": read_team,
    "services": read_service,
    "integrations": read_integration,
    "rotations": read_rotation,
    "schedules": read_schedule,
    "escalation_policies": read_policy,
    "severities": read_severity,
    "silences": read_silence,
    "maintenance": read_silence,
}

ObjectKey = tuple[str, str]


@dataclass
class Loaded:
    """`places` says where each object, by kind and name, was written. With errors the organisation is a
    torso.
    """

    organisation: Organisation
    report: Report
    places: Mapping[ObjectKey, Place] = field(default_factory=dict)

    def place(self, kind: str, name: str) -> Place:
        return self.places.get((kind, name), Place("the server", 0))


def load(files: Mapping[str, str], secrets: Secrets | None = None, *, needed: bool = False) -> Loaded:
    """`files` maps each file's name to its text; `secrets` answers `{env: NAME}` and `{file: PATH}`: one
    without an answer is a warning, or an error when it is `needed`.
    """
    loader = _Loader(secrets, needed=needed)
    if len(files) > MAX_FILES:
        loader.report.error(
            Place(f"{len(files)} files", 0), "", f"at most {MAX_FILES} files are read together"
        )
        return loader.finish()
    for name in sorted(files):
        loader.file(name, files[name])
    return loader.finish()


class _Loader:
    def __init__(self, secrets: Secrets | None, *, needed: bool) -> None:
        self.report = Report()
        self._filler = Filler(secrets, self.report, needed=needed)
        self._objects: dict[str, dict[str, Any]] = {kind: {} for kind in LISTS}
        self._single: dict[str, Any] = {}
        self._kept: dict[str, list[str]] = {}
        self._places: dict[ObjectKey, Place] = {}

    def file(self, name: str, text: str) -> None:
        rotations: list[Any] = []
        try:
            for document in documents(name, text):
                self._document(self._filler.filled(document), rotations)
        except SyntaxProblem as problem:
            self.report.error(problem.place, "", problem.message)
        for entry in follow_the_one_before(rotations):
            self._objects["rotations"][entry.name] = entry

    def _document(self, node: Node, rotations: list[Any]) -> None:
        fields = Cursor(node, "", self.report).table()
        if fields is None:
            return
        if isinstance(node, Table) and _is_runbook(node):
            self.report.warning(node.place, "", "a runbook: read, but not yet applied")
            self._kept.setdefault("runbooks", []).append(canonical(node))
            return
        for kind in LISTS:
            at = fields.at(kind)
            if at is not None:
                self._list(kind, at, rotations)
        self._singles(fields)
        for kind in LATER:
            at = fields.at(kind)
            if at is not None:
                at.warn("read, but not yet applied")
                entries = at.node.items if isinstance(at.node, Sequence) else (at.node,)
                self._kept.setdefault(kind, []).extend(canonical(entry) for entry in entries)
        fields.finish()

    def _list(self, kind: str, at: Cursor, rotations: list[Any]) -> None:
        if isinstance(at.node, Scalar):
            at.fail(f"expected a list of {kind.replace('_', ' ')}")
            return
        for item in at.items():
            value = _READERS[kind](item)
            if value is None:
                continue
            name = LISTS[kind].name(value)
            if (kind, name) in self._places:
                item.fail(f"{name!r} is already defined at {self._places[kind, name]}")
                continue
            self._places[kind, name] = item.node.place
            if kind == "integrations":
                for beat in value.heartbeats:
                    self._places["heartbeats", f"{name}/{beat.name}"] = item.node.place
            if kind == "rotations":
                rotations.append(value)
            else:
                self._objects[kind][name] = value

    def _singles(self, fields: Fields) -> None:
        readers: Mapping[str, Callable[[Cursor], Any]] = {
            "routes": read_routes,
            "tables": read_tables,
            "notification_rules": read_rules,
            "throttles": read_throttles,
            "inhibitions": read_inhibitions,
            "storm": read_storm,
            "last_resort": lambda at: tuple(dict.fromkeys(at.list_of(reader.email))),
        }
        for key, read in readers.items():
            at = fields.at(key)
            if at is None:
                continue
            if (key, "") in self._places:
                at.fail(f"already said at {self._places[key, '']}")
                continue
            self._places[key, ""] = at.node.place
            value = read(at)
            if value is not None:
                self._single[key] = value

    def finish(self) -> Loaded:
        severities = {row.severity: row for row in self._objects.pop("severities").values()}
        given: dict[str, Any] = {**self._objects, **self._single}
        organisation = Organisation(
            **given,
            severities=severities,
            kept={kind: tuple(entries) for kind, entries in self._kept.items()},
        )
        return Loaded(with_people(organisation), self.report, self._places)


def with_people(organisation: Organisation) -> Organisation:
    """Everybody whom something names exists: who is not described becomes an invited user."""
    users = dict(organisation.users)
    for email in people_named(organisation):
        users.setdefault(email, User(email, declared=False))
    return replace(organisation, users=users)


def _is_runbook(table: Table) -> bool:
    keys = {entry.key for entry in table.entries}
    return {"name", "steps"} <= keys and not keys & {*LISTS, *LATER}
