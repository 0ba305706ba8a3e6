"""Carrying out a plan: each change by the action of the app that owns it, in an order in which names
exist.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

from django.db import transaction

from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.configuration import quieting, severities
from tocsin.apps.configuration.locks import release, take
from tocsin.apps.escalation import settings as escalation
from tocsin.apps.escalation.models import Policy as Stored
from tocsin.apps.identity import actions as identity
from tocsin.apps.identity.models import Membership
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.apps.notify import actions as notify
from tocsin.apps.notify.types import QuietHoursInfo
from tocsin.apps.oncall import actions as oncall
from tocsin.domain.configuration import Loaded, Organisation
from tocsin.domain.configuration.forms import LISTS, SINGLES, objects
from tocsin.domain.configuration.model import Hours, Integration, Service, Team, User
from tocsin.domain.configuration.people import hours_form
from tocsin.domain.configuration.plan import Action, Change
from tocsin.domain.configuration.throttles import by_scope
from tocsin.domain.errors import Conflict, FieldError, Invalid
from tocsin.domain.escalation.model import Policy
from tocsin.domain.permissions import Actor


class Carrier:
    """One transaction's work. `warnings` tells what could not be removed and so stays."""

    def __init__(self, actor: Actor, loaded: Loaded, merged: Organisation, now: datetime) -> None:
        self._actor = actor
        self._loaded = loaded
        self._wanted = loaded.organisation
        self._merged = merged
        self._now = now
        self.warnings: list[str] = []

    def carry_out(self, changes: tuple[Change, ...]) -> None:
        # A plan also shows rotations that change only because they follow one that does: nothing is to be
        # written.
        written = [change for change in changes if change.fields or change.action is not Action.CHANGE]
        by_kind = {
            kind: [c.name for c in written if c.kind == kind and c.action is not Action.REMOVE]
            for kind in _ORDER
        }
        self._users(by_kind["users"])
        self._each("teams", by_kind["teams"], self._team)
        self._rotations(by_kind["rotations"])
        self._each("schedules", by_kind["schedules"], self._schedule)
        self._each("severities", by_kind["severities"], self._severity)
        self._policies(by_kind["escalation_policies"])
        self._services(by_kind["services"])
        self._each("integrations", by_kind["integrations"], self._integration)
        self._each("heartbeats", by_kind["heartbeats"], self._heartbeat)
        for kind in quieting.KINDS:
            self._each(kind, by_kind[kind], partial(self._silence, kind))
        self._each("inhibitions", by_kind["inhibitions"], self._suppression)
        self._each("storm", by_kind["storm"], self._suppression)
        self._each("tables", by_kind["tables"], self._tables)
        self._each("routes", by_kind["routes"], self._routes)
        self._each("notification_rules", by_kind["notification_rules"], self._default_rules)
        self._each("throttles", by_kind["throttles"], self._throttles)
        self._each("last_resort", by_kind["last_resort"], self._last_resort)
        self._removals([change for change in changes if change.action is Action.REMOVE])

    def adopt(self) -> None:
        """Everything the files describe is theirs from now on, also what was there before."""
        by_kind: dict[str, list[str]] = {}
        for kind, name in objects(self._wanted):
            by_kind.setdefault(kind, []).append(name)
        for kind, names in by_kind.items():
            take(kind, names)

    def _each(self, kind: str, names: Iterable[str], write: Callable[[str], None]) -> None:
        for name in names:
            try:
                write(name)
            except Invalid as error:
                raise self._placed(kind, name, error) from None

    def _placed(self, kind: str, name: str, error: Invalid) -> Invalid:
        """The error of an action, at the file and line that asked for it."""
        place = self._loaded.place(kind, name)
        where = f"{place} {kind}[{name}]" if name else f"{place} {kind}"
        return Invalid(*(FieldError(f"{where}.{one.field}", one.message) for one in error.errors))

    def _users(self, changed: list[str]) -> None:
        for email in changed:
            user = self._wanted.users[email]
            try:
                self._user(user)
            except Invalid as error:
                raise self._placed("users", email, error) from None

    def _user(self, user: User) -> None:
        if not user.declared:
            identity.ensure_user(actor=self._actor, email=user.email, now=self._now)
        else:
            identity.ensure_user(
                actor=self._actor,
                email=user.email,
                name=user.name,
                timezone=user.timezone,
                role=user.role,
                from_file=True,
                now=self._now,
            )
        notify.save_person(
            actor=self._actor,
            email=user.email,
            methods=[(method.type, method.address, dict(method.config)) for method in user.methods],
            rules=user.notification_rules,
            quiet_hours=_quiet(user.quiet_hours, user.timezone),
            now=self._now,
        )

    def _team(self, name: str) -> None:
        team = self._wanted.teams[name]
        identity.save_team(actor=self._actor, form=_team_form(team), from_file=True, now=self._now)
        present = set(
            Membership.objects.filter(team__name=name, is_admin=True).values_list("user__email", flat=True)
        )
        for email in sorted(present ^ set(team.admins)):
            identity.set_team_admin(
                actor=self._actor, team=name, email=email, is_admin=email in team.admins, now=self._now
            )

    def _rotations(self, names: list[str]) -> None:
        wanted = [entry for name, entry in self._wanted.rotations.items() if name in names]
        if not wanted:
            return
        try:
            oncall.save_rotations(actor=self._actor, definitions=wanted, from_file=True, now=self._now)
        except Invalid as error:
            raise self._placed("rotations", wanted[0].name, error) from None

    def _schedule(self, name: str) -> None:
        definition = self._wanted.schedules[name]
        oncall.save_schedule(actor=self._actor, definition=definition, from_file=True, now=self._now)

    def _severity(self, name: str) -> None:
        row = next(row for row in self._wanted.severities.values() if row.severity == name)
        severities.save_severity(actor=self._actor, row=row, now=self._now)

    def _policies(self, names: list[str]) -> None:
        # One may fall back on another in any order, so all are there before any names another.
        policies = [self._wanted.escalation_policies[name] for name in names]
        alone = {policy.name: replace(policy, fallback=None) for policy in policies}
        self._each("escalation_policies", names, lambda name: self._policy(alone[name]))
        behind = {policy.name: policy for policy in policies if policy.fallback}
        self._each("escalation_policies", behind, lambda name: self._policy(behind[name]))

    def _policy(self, policy: Policy) -> None:
        name = policy.name
        # Files do not say whose a policy is, so it stays whose it was.
        team = Stored.objects.filter(name=name).values_list("team__name", flat=True).first()
        escalation.save_policy(actor=self._actor, policy=policy, team=team, from_file=True, now=self._now)

    def _services(self, names: list[str]) -> None:
        # Services may depend on each other in any order, so all are there before any names another.
        new = [name for name in names if name in self._wanted.services]
        self._each(
            "services", new, lambda name: self._service(replace(self._wanted.services[name], depends_on=()))
        )
        several = [name for name in new if self._wanted.services[name].depends_on]
        self._each("services", several, lambda name: self._service(self._wanted.services[name]))

    def _service(self, service: Service) -> None:
        catalog.save_service(actor=self._actor, spec=service_spec(service), now=self._now, from_file=True)

    def _integration(self, name: str) -> None:
        spec = _integration_spec(self._wanted.integrations[name])
        integrations.save_integration(actor=self._actor, spec=spec, now=self._now, from_file=True)

    def _routes(self, _: str) -> None:
        integrations.save_routes(actor=self._actor, tree=self._wanted.routes, now=self._now, from_file=True)

    def _tables(self, _: str) -> None:
        tables = self._wanted.tables
        integrations.save_routes(actor=self._actor, tables=tables, now=self._now, from_file=True)

    def _heartbeat(self, path: str) -> None:
        quieting.save_heartbeat(actor=self._actor, wanted=self._wanted, path=path, now=self._now)

    def _silence(self, key: str, name: str) -> None:
        silence = getattr(self._wanted, key)[name]
        quieting.save_silence(actor=self._actor, key=key, silence=silence, now=self._now)

    def _suppression(self, _: str) -> None:
        quieting.save_suppression(actor=self._actor, merged=self._merged, now=self._now)

    def _default_rules(self, _: str) -> None:
        rules = self._wanted.notification_rules
        notify.set_default_rules(actor=self._actor, rules=rules, now=self._now, from_file=True)

    def _throttles(self, _: str) -> None:
        limits = by_scope(self._wanted.throttles)
        notify.set_all_throttles(actor=self._actor, limits=limits, now=self._now, from_file=True)

    def _last_resort(self, _: str) -> None:
        emails = self._wanted.last_resort
        escalation.save_last_resort(actor=self._actor, emails=emails, from_file=True, now=self._now)

    def _removals(self, changes: list[Change]) -> None:
        # What is needed by another that goes too, such as a rotation by its follower, goes after it.
        waiting = {(change.kind, change.name): "" for change in changes}
        progress = True
        while waiting and progress:
            progress = False
            for kind, name in tuple(waiting):
                try:
                    with transaction.atomic():
                        self._delete(kind, name)
                except Conflict as error:
                    waiting[kind, name] = error.detail
                else:
                    del waiting[kind, name]
                    progress = True
        for (kind, name), reason in waiting.items():
            # It stays, but is no file's any more.
            release(kind, name)
            self.warnings.append(f"{kind}/{name} stays: {reason}")

    def _delete(self, kind: str, name: str) -> None:
        actor, now = self._actor, self._now
        deletions: dict[str, Callable[[], object]] = {
            "users": lambda: identity.deactivate_user(actor=actor, email=name, now=now),
            "teams": lambda: identity.delete_team(actor=actor, name=name, now=now),
            "rotations": lambda: oncall.delete_rotation(actor=actor, name=name, now=now),
            "schedules": lambda: oncall.delete_schedule(actor=actor, name=name, now=now),
            "severities": lambda: severities.delete_severity(actor=actor, name=name, now=now),
            "escalation_policies": lambda: escalation.delete_policy(actor=actor, name=name, now=now),
            "services": lambda: catalog.delete_service(actor=actor, name=name, now=now),
            "integrations": lambda: integrations.delete_integration(
                actor=actor, name=name, now=now, from_file=True
            ),
            "heartbeats": lambda: quieting.remove_heartbeat(actor=actor, path=name, now=now),
            **{
                key: partial(quieting.remove_silence, actor=actor, key=key, name=name, now=now)
                for key in quieting.KINDS
            },
            "inhibitions": lambda: quieting.save_suppression(actor=actor, merged=self._merged, now=now),
            "storm": lambda: quieting.save_suppression(actor=actor, merged=self._merged, now=now),
            "routes": lambda: integrations.save_routes(
                actor=actor, tree=self._merged.routes, now=now, from_file=True
            ),
            "tables": lambda: integrations.save_routes(
                actor=actor, tables=self._merged.tables, now=now, from_file=True
            ),
            "notification_rules": lambda: notify.set_default_rules(actor=actor, rules=(), now=now),
            "throttles": lambda: notify.set_all_throttles(actor=actor, limits={}, now=now),
            "last_resort": lambda: escalation.save_last_resort(actor=actor, emails=(), now=now),
        }
        deletions[kind]()


_ORDER = (*LISTS, "heartbeats", *SINGLES)


def _quiet(hours: Hours | None, zone: str) -> QuietHoursInfo | None:
    if hours is None:
        return None
    form = hours_form(hours)
    return QuietHoursInfo(form.get("timezone", zone), tuple(form["days"]), form["start"], form["end"])


def _team_form(team: Team) -> identity.TeamForm:
    holidays = tuple(day.isoformat() for day in team.holidays)
    return identity.TeamForm(
        name=team.name,
        description=team.description,
        lead=team.lead,
        manager=team.manager,
        members=team.members,
        business_hours=None if team.business_hours is None else hours_form(team.business_hours),
        holidays=holidays if team.country is None else (team.country, *holidays),
    )


def service_spec(service: Service) -> ServiceSpec:
    timeout = service.ack_timeout
    return ServiceSpec(
        name=service.name,
        team=service.team,
        escalation_policy=service.escalation_policy,
        severity=service.severity,
        urgency=service.urgency,
        support_hours=None if service.support_hours is None else hours_form(service.support_hours),
        outside=None if service.outside is None else str(service.outside),
        raise_at_opening=service.raise_at_opening,
        ack_timeout_s=None if timeout is None else int(timeout.total_seconds()),
        reopen_window_s=int(service.reopen_window.total_seconds()),
        tier=service.tier,
        description=service.description,
        links=service.links,
        depends_on=service.depends_on,
    )


def _integration_spec(integration: Integration) -> IntegrationSpec:
    return IntegrationSpec(
        name=integration.name,
        kind=integration.kind,
        service=integration.service,
        key=integration.key,
        severity_map=integration.severity_map,
        enabled=integration.enabled,
        config=integration.config,
        silent_after=integration.silent_after,
    )
