"""What names what: the people an organisation speaks of, and names that stand for nothing."""

from collections.abc import Iterator
from typing import Final

from tocsin.domain.configuration.model import Organisation
from tocsin.domain.configuration.problems import Place, Report
from tocsin.domain.configuration.reader import did_you_mean
from tocsin.domain.escalation.fallbacks import wrong
from tocsin.domain.escalation.model import Policy, Target, TargetKind
from tocsin.domain.routing import Lookup, Route
from tocsin.domain.schedule.definition import DefinitionError, RotationDefinition, ScheduleDefinition

# Chats in which a room can be told. A file is read without the adapters, so they are named here.
ROOMS: Final = dict.fromkeys(("slack", "mattermost", "teams", "telegram", "ntfy", "apprise"), "")
_WEB: Final = ("http://", "https://")

Places = dict[tuple[str, str], Place]


def people_named(organisation: Organisation) -> tuple[str, ...]:
    """Every e-mail that anything in the organisation names, in order of first mention."""
    return tuple(dict.fromkeys(_mentions(organisation)))


def _mentions(organisation: Organisation) -> Iterator[str]:
    for team in organisation.teams.values():
        yield from team.members
        yield from team.admins
        yield from (person for person in (team.lead, team.manager) if person)
    for rotation in organisation.rotations.values():
        yield from people_of_rotation(rotation)
    for schedule in organisation.schedules.values():
        yield from people_of_schedule(schedule)
    for policy in organisation.escalation_policies.values():
        yield from people_of_policy(policy)
    yield from organisation.last_resort


def people_of_rotation(rotation: RotationDefinition) -> Iterator[str]:
    for participant in rotation.participants or ():
        yield from participant.people


def people_of_schedule(schedule: ScheduleDefinition) -> Iterator[str]:
    yield from schedule.fallback
    for override in schedule.overrides:
        yield from (person for person in (override.user, override.replaces) if person)


def people_of_policy(policy: Policy) -> Iterator[str]:
    yield from (target.name for target in targets_of(policy) if target.kind is TargetKind.USER)


def targets_of(policy: Policy) -> Iterator[Target]:
    for step in policy.steps:
        yield from step.targets
    yield from policy.final


def things_named(organisation: Organisation) -> frozenset[tuple[str, str]]:
    """Everything that something else in the organisation needs, by kind and name."""
    return frozenset(_things(organisation))


def _things(organisation: Organisation) -> Iterator[tuple[str, str]]:
    yield from (("users", email) for email in people_named(organisation))
    for service in organisation.services.values():
        yield "teams", service.team or ""
        yield "escalation_policies", service.escalation_policy or ""
        yield from (("services", name) for name in service.depends_on)
    for integration in organisation.integrations.values():
        yield "services", integration.service or ""
    for policy in organisation.escalation_policies.values():
        for target in targets_of(policy):
            if target.kind is TargetKind.TEAM:
                yield "teams", target.name
            elif target.kind is TargetKind.SCHEDULE:
                kind = "schedules" if target.name in organisation.schedules else "rotations"
                yield kind, target.name
        yield "escalation_policies", policy.fallback or ""
    for schedule in organisation.schedules.values():
        yield "teams", schedule.team or ""
        yield from (("rotations", layer.rotation) for layer in schedule.layers)
    for rotation in organisation.rotations.values():
        yield "rotations", rotation.follows or ""
    for silence in (*organisation.silences.values(), *organisation.maintenance.values()):
        yield from (("services", name) for name in silence.services)
    yield from (("services", name) for name in _routed_to(organisation.routes))
    yield from (("teams", name) for name in _teams_of(organisation.routes))


def _routed_to(route: Route) -> Iterator[str]:
    yield "" if route.service_template else route.service or ""
    for below in route.routes:
        yield from _routed_to(below)


def _teams_of(route: Route) -> Iterator[str]:
    yield route.team or ""
    for below in route.routes:
        yield from _teams_of(below)


class Checker:
    """Names that stand for nothing are errors: `places` says where the object that uses them was written."""

    def __init__(self, organisation: Organisation, report: Report, places: Places) -> None:
        self._org = organisation
        self._report = report
        self._places = places

    def check(self) -> None:
        self._services()
        self._integrations()
        self._policies()
        self._routes(self._org.routes, "routes")
        self._schedules()
        self._silences()

    def _fail(self, kind: str, name: str, path: str, message: str) -> None:
        label = f"{kind}[{name}].{path}" if name else path
        self._report.error(self._places.get((kind, name), Place("the server", 0)), label, message)

    def _need(
        self, where: tuple[str, str, str], what: str, word: str | None, known: dict[str, object]
    ) -> None:
        if word is not None and word not in known:
            self._fail(*where, f"there is no {what} {word!r}{did_you_mean(word, known) if known else ''}")

    def _services(self) -> None:
        org = self._org
        for service in org.services.values():
            self._need(("services", service.name, "team"), "team", service.team, dict(org.teams))
            self._need(
                ("services", service.name, "escalation_policy"),
                "escalation policy",
                service.escalation_policy,
                dict(org.escalation_policies),
            )
            for other in service.depends_on:
                where = ("services", service.name, "depends_on")
                self._need(where, "service", other, dict(org.services))
                if other == service.name:
                    self._fail(*where, "a service does not depend on itself")

    def _integrations(self) -> None:
        keys: dict[str, str] = {}
        for entry in self._org.integrations.values():
            self._need(
                ("integrations", entry.name, "service"), "service", entry.service, dict(self._org.services)
            )
            if entry.key is not None and keys.setdefault(entry.key, entry.name) != entry.name:
                self._fail("integrations", entry.name, "key", f"is also the key of {keys[entry.key]!r}")

    def _policies(self) -> None:
        org = self._org
        for policy in org.escalation_policies.values():
            lists = [(f"steps[{number}].notify", step.targets) for number, step in enumerate(policy.steps)]
            for path, targets in (*lists, ("final", policy.final)):
                for target in targets:
                    self._target(("escalation_policies", policy.name, path), target)
            where = ("escalation_policies", policy.name, "fallback")
            self._need(where, "escalation policy", policy.fallback, dict(org.escalation_policies))
            if policy.fallback in org.escalation_policies and (
                problem := wrong(policy, org.escalation_policies.get)
            ):
                self._fail(*where, problem)

    def _silences(self) -> None:
        for kind, found in (("silences", self._org.silences), ("maintenance", self._org.maintenance)):
            for silence in found.values():
                for service in silence.services:
                    where = (kind, silence.name, "services")
                    self._need(where, "service", service, dict(self._org.services))

    def _target(self, where: tuple[str, str, str], target: Target) -> None:
        org = self._org
        if target.kind is TargetKind.SCHEDULE:
            self._need(where, "schedule or rotation", target.name, {**org.rotations, **org.schedules})
        elif target.kind is TargetKind.TEAM:
            self._need(where, "team", target.name, dict(org.teams))
        elif target.kind is TargetKind.CHAT:
            self._need(where, "chat", target.via, dict(ROOMS))
        elif target.kind is TargetKind.WEBHOOK and not target.name.startswith(_WEB):
            self._fail(*where, f"expected an http or https address, not {target.name!r}")

    def _routes(self, route: Route, path: str) -> None:
        if route.service_template is None:
            self._need(("routes", "", path), "service", route.service, dict(self._org.services))
        self._need(("routes", "", path), "team", route.team, dict(self._org.teams))
        if route.team in self._org.teams and not self._org.names.of_team(route.team or ""):
            self._fail("routes", "", path, f"team {route.team!r} has no service that an alert could go to")
        for lookup in route.lookup:
            self._lookup(lookup, path)
        for number, below in enumerate(route.routes):
            self._routes(below, f"{path}.routes[{number}]")

    def _lookup(self, lookup: Lookup, path: str) -> None:
        tables = self._org.tables
        self._need(("routes", "", f"{path}.lookup"), "table", lookup.table, dict(tables))
        if lookup.table in tables:
            columns = dict.fromkeys(tables[lookup.table].columns)
            for name in (*lookup.key, *(column for _, column in lookup.columns)):
                where = ("routes", "", f"{path}.lookup")
                self._need(where, f"column of table {lookup.table!r} called", name, dict(columns))

    def _schedules(self) -> None:
        for schedule in self._org.schedules.values():
            self._need(("schedules", schedule.name, "team"), "team", schedule.team, dict(self._org.teams))
        try:
            self._org.book()
        except DefinitionError as error:
            kind = "schedules" if error.field.startswith("layers") else "rotations"
            self._fail(kind, error.name, error.field, error.message)
