from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.catalog import actions, queries
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.identity import actions as identity
from tocsin.apps.identity import queries as people
from tocsin.apps.identity.actions.teams import TeamForm
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations import queries as integration_queries
from tocsin.apps.integrations.models import Event
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.errors import Conflict, Invalid, NotFound, PermissionDenied
from tocsin.domain.permissions import SYSTEM, Actor, Role
from tocsin.domain.routing import EMPTY, Route, parse_matcher
from tocsin.domain.severity import Severity

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SPEC = ServiceSpec("checkout", team="payments", links={"runbook": "https://example.com"})


@pytest.fixture
def mate(db: None) -> Actor:
    """An admin of the team payments, who is a plain responder elsewhere."""
    made = identity.invite_user(actor=SYSTEM, email="mate@example.com", name="Mate", now=NOW)
    for name in ("payments", "web"):
        identity.create_team(actor=SYSTEM, form=TeamForm(name, members=("mate@example.com",)), now=NOW)
    team = people.team("payments")
    assert team is not None
    return replace(people.actor_for(made.id), administers=frozenset({team.id}))


@pytest.fixture
def stranger(db: None) -> Actor:
    made = identity.invite_user(actor=SYSTEM, email="s@example.com", role=Role.RESPONDER, now=NOW)
    return people.actor_for(made.id)


def test_a_team_admin_edits_what_the_team_owns(mate: Actor) -> None:
    made = actions.save_service(actor=mate, spec=SPEC, now=NOW)
    assert (made.team, made.completeness) == ("payments", 29)
    for spec in (
        replace(SPEC, team="web"),
        replace(SPEC, team=None, name="other"),
        replace(SPEC, name="x", team="web"),
    ):
        with pytest.raises(PermissionDenied):
            actions.save_service(actor=mate, spec=spec, now=NOW)
    renamed = actions.save_service(
        actor=mate, spec=replace(SPEC, name="till"), rename_from="checkout", now=NOW
    )
    assert renamed.id == made.id
    spec = IntegrationSpec("prometheus", "alertmanager", service="till")
    key = integrations.save_integration(actor=mate, spec=spec, now=NOW).key
    assert len(key) == 32
    assert integrations.save_integration(actor=mate, spec=spec, now=NOW).key == key
    assert integrations.rotate_key(actor=mate, name="prometheus", now=NOW).key != key
    integrations.send_test_event(actor=mate, name="prometheus", now=NOW)
    assert Event.objects.count() == 1
    integrations.delete_integration(actor=mate, name="prometheus", now=NOW)
    actions.delete_service(actor=mate, name="till", now=NOW)
    assert AuditEntry.objects.filter(actor_label="Mate").count() == 7  # saving the same again is nothing


def test_strangers_edit_nothing(stranger: Actor, mate: Actor) -> None:
    actions.save_service(actor=mate, spec=SPEC, now=NOW)
    spec = IntegrationSpec("prometheus", "alertmanager", service="checkout")
    integrations.save_integration(actor=mate, spec=spec, now=NOW)
    deeds = (
        lambda: actions.save_service(actor=stranger, spec=SPEC, now=NOW),
        lambda: actions.delete_service(actor=stranger, name="checkout", now=NOW),
        lambda: integrations.save_integration(actor=stranger, spec=spec, now=NOW),
        lambda: integrations.rotate_key(actor=stranger, name="prometheus", now=NOW),
        lambda: integrations.send_test_event(actor=stranger, name="prometheus", now=NOW),
        lambda: integrations.delete_integration(actor=stranger, name="prometheus", now=NOW),
        lambda: integrations.save_routes(actor=mate, tree=EMPTY, now=NOW),
    )
    for deed in deeds:
        with pytest.raises(PermissionDenied):
            deed()


def test_what_files_own_is_changed_by_files(db: None) -> None:
    spec = replace(SPEC, team=None)
    actions.save_service(actor=SYSTEM, spec=spec, from_file=True, now=NOW)
    with pytest.raises(Conflict):
        actions.save_service(actor=SYSTEM, spec=spec, now=NOW)
    door = IntegrationSpec("prometheus", "alertmanager", service="checkout", key="a" * 32)
    integrations.save_integration(actor=SYSTEM, spec=door, from_file=True, now=NOW)
    for deed in (
        lambda: integrations.save_integration(actor=SYSTEM, spec=door, now=NOW),
        lambda: integrations.rotate_key(actor=SYSTEM, name="prometheus", now=NOW),
    ):
        with pytest.raises(Conflict):
            deed()
    with pytest.raises(Conflict, match="integrations"):
        actions.delete_service(actor=SYSTEM, name="checkout", now=NOW)


def test_wrong_input_names_its_field(db: None) -> None:
    wrong = ServiceSpec(
        " ",
        urgency="loud",
        outside="maybe",
        support_hours={"timezone": "Mars/Base"},
        links={"wiki": "javascript:alert(1)"},
    )
    with pytest.raises(Invalid) as refused:
        actions.save_service(actor=SYSTEM, spec=wrong, now=NOW)
    fields = [error.field for error in refused.value.errors]
    assert fields == ["name", "urgency", "outside", "support_hours", "links.wiki"]
    for spec, field in (
        (replace(SPEC, team="nosuch"), "team"),
        (replace(SPEC, team=None, escalation_policy="nosuch"), "escalation_policy"),
        (replace(SPEC, team=None, depends_on=("nosuch",)), "depends_on"),
        (replace(SPEC, team=None, depends_on=("checkout",)), "depends_on"),
    ):
        with pytest.raises(Invalid) as refused:
            actions.save_service(actor=SYSTEM, spec=spec, now=NOW)
        assert refused.value.errors[0].field == field
    integrations.save_integration(actor=SYSTEM, spec=IntegrationSpec("a", "generic", key="b" * 32), now=NOW)
    wrong_door = IntegrationSpec("", "nosuch", service="nosuch", key="b" * 32)
    with pytest.raises(Invalid) as refused:
        integrations.save_integration(actor=SYSTEM, spec=wrong_door, now=NOW)
    assert [error.field for error in refused.value.errors] == ["name", "kind", "service", "key"]
    for deed in (
        lambda: actions.delete_service(actor=SYSTEM, name="nosuch", now=NOW),
        lambda: integrations.rotate_key(actor=SYSTEM, name="nosuch", now=NOW),
        lambda: actions.save_service(
            actor=SYSTEM, spec=replace(SPEC, team=None), rename_from="nosuch", now=NOW
        ),
    ):
        with pytest.raises(NotFound):
            deed()


def test_dependencies_show_both_ways(db: None) -> None:
    plain = replace(SPEC, team=None)
    actions.save_service(actor=SYSTEM, spec=replace(plain, name="database"), now=NOW)
    actions.save_service(actor=SYSTEM, spec=replace(plain, depends_on=("database",)), now=NOW)
    database, checkout = queries.service("database"), queries.service("checkout")
    assert database is not None
    assert checkout is not None
    assert (database.dependents, checkout.depends_on) == (("checkout",), ("database",))


def test_routes_come_back_as_they_were_saved(db: None) -> None:
    assert integration_queries.routes() == EMPTY
    actions.save_service(actor=SYSTEM, spec=ServiceSpec("s"), now=NOW)
    tree = Route(
        group_by=(),
        routes=(
            Route(
                (parse_matcher('a=~"x|y"'),),
                service="s",
                severity=Severity.SEV1,
                continue_=True,
                routes=(Route(group_by=("alertname",)),),
            ),
        ),
    )
    integrations.save_routes(actor=SYSTEM, tree=tree, now=NOW)
    assert integration_queries.routes() == tree


def test_an_integration_does_not_take_the_name_of_another(db: None) -> None:
    for name in ("one", "two"):
        integrations.save_integration(actor=SYSTEM, spec=IntegrationSpec(name, "generic"), now=NOW)
    with pytest.raises(Conflict):
        integrations.save_integration(
            actor=SYSTEM, spec=IntegrationSpec("two", "generic"), rename_from="one", now=NOW
        )
