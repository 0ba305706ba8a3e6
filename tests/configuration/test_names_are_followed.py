"""What is called by its name is renamed everywhere at once, and is not deleted while something names it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog import queries as services
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.configuration import actions, queries
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.escalation import queries as ladders
from tocsin.apps.escalation import settings
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.escalation.store import snapshot_of, state_of
from tocsin.apps.identity import actions as identity
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations import queries as ways_in
from tocsin.apps.oncall import actions as oncall
from tocsin.domain.errors import Conflict
from tocsin.domain.escalation.model import CallOutKind, Policy, Step, Target, TargetKind, TeamWho
from tocsin.domain.notification.model import Subject
from tocsin.domain.permissions import Actor
from tocsin.domain.routing import EMPTY, Route, parse_matcher
from tocsin.domain.severity import SHIPPED_TABLE, Severity, Urgency

TEAM, LEAD = (Target(TargetKind.TEAM, "web", who) for who in (TeamWho.MEMBERS, TeamWho.LEAD))
FIVE = timedelta(minutes=5)


def _team(owner: Actor, name: str, now: datetime) -> None:
    form = identity.TeamForm(name, lead="owner@example.com", members=("mate@example.com",))
    identity.create_team(actor=owner, form=form, now=now)


def _policy(owner: Actor, *targets: Target, now: datetime) -> Policy:
    policy = Policy("front", (Step(targets, FIVE),), final=targets[-1:])
    settings.save_policy(actor=owner, policy=policy, now=now)
    return policy


def test_a_renamed_team_is_renamed_in_policies_and_in_running_call_outs(
    owner: Actor, mate: Actor, now: datetime
) -> None:
    for name in ("web", "other"):
        _team(owner, name, now)
    policy = _policy(owner, TEAM, Target(TargetKind.TEAM, "other", TeamWho.MEMBERS), LEAD, now=now)
    number = escalation.start(
        incident_id=1,
        subject=Subject(1, "INC-1", "Down", Severity.SEV2, "shop"),
        kind=CallOutKind.SERVICE,
        label="shop",
        policy=policy,
        severity_row=SHIPPED_TABLE[Severity.SEV2],
        urgency=Urgency.HIGH,
        lead=(LEAD,),
        now=now,
    )
    form = identity.TeamForm("shop", lead="owner@example.com", members=("mate@example.com",))
    identity.update_team(actor=owner, name="web", form=form, now=now)
    stored = ladders.policy("front")
    assert stored is not None
    assert [target.name for target in stored.steps[0].targets] == ["shop", "other", "shop"]
    assert [target.name for target in stored.final] == ["shop"]
    row = CallOut.objects.get(pk=number)
    assert snapshot_of(row).policy == stored
    assert snapshot_of(row).lead == (replace(LEAD, name="shop"),)
    assert "web" not in {target.name for target in state_of(row).last_targets}
    assert actions.apply(actor=owner, files={"all.yaml": queries.export(actor=owner)}, now=now).is_empty


def test_a_team_that_a_policy_calls_or_a_schedule_belongs_to_is_not_deleted(
    owner: Actor, mate: Actor, rotations: str, now: datetime
) -> None:
    _team(owner, "web", now)
    _policy(owner, TEAM, now=now)
    with pytest.raises(Conflict, match="front"):
        identity.delete_team(actor=owner, name="web", now=now)
    settings.delete_policy(actor=owner, name="front", now=now)
    schedule = "schedules:\n  - name: site\n    team: web\n    layers: [primary-oncall]\n"
    actions.apply(actor=owner, files={"a.yaml": rotations, "b.yaml": schedule}, now=now)
    with pytest.raises(Conflict, match="site"):
        identity.delete_team(actor=owner, name="web", now=now)
    oncall.delete_schedule(actor=owner, name="site", now=now)
    identity.delete_team(actor=owner, name="web", now=now)


def test_a_schedule_or_rotation_that_a_policy_calls_is_not_deleted(
    owner: Actor, mate: Actor, rotations: str, now: datetime
) -> None:
    schedule = "schedules:\n  - name: site\n    layers: [primary-oncall]\n"
    actions.apply(actor=owner, files={"a.yaml": rotations, "b.yaml": schedule}, now=now)
    called = [Target(TargetKind.SCHEDULE, name) for name in ("site", "secondary-oncall")]
    _policy(owner, *called, now=now)
    with pytest.raises(Conflict, match="front"):
        oncall.delete_schedule(actor=owner, name="site", now=now)
    with pytest.raises(Conflict, match="front"):
        oncall.delete_rotation(actor=owner, name="secondary-oncall", now=now)
    settings.delete_policy(actor=owner, name="front", now=now)
    oncall.delete_rotation(actor=owner, name="secondary-oncall", now=now)
    oncall.delete_schedule(actor=owner, name="site", now=now)


def test_a_renamed_service_is_renamed_in_the_routes(owner: Actor, now: datetime) -> None:
    for name in ("shop", "till"):
        catalog.save_service(actor=owner, spec=ServiceSpec(name), now=now)
    catalog.save_service(actor=owner, spec=ServiceSpec("site", depends_on=("shop",)), now=now)
    branch = Route(matchers=(parse_matcher('app="shop"'),), service="shop")
    tree = Route(service="till", routes=(Route(service="till", routes=(branch,)),))
    integrations.save_routes(actor=owner, tree=tree, now=now)
    catalog.save_service(actor=owner, spec=ServiceSpec("store"), rename_from="shop", now=now)
    assert ways_in.routes().routes[0].routes[0] == replace(branch, service="store")
    assert ways_in.routes().service == "till"
    site = services.service("site")
    assert site is not None
    assert site.depends_on == ("store",)
    with pytest.raises(Conflict, match="till"):
        catalog.save_service(actor=owner, spec=ServiceSpec("till"), rename_from="store", now=now)


def test_a_service_that_is_routed_to_or_depended_on_is_not_deleted(owner: Actor, now: datetime) -> None:
    catalog.save_service(actor=owner, spec=ServiceSpec("shop"), now=now)
    catalog.save_service(actor=owner, spec=ServiceSpec("site", depends_on=("shop",)), now=now)
    integrations.save_routes(actor=owner, tree=Route(routes=(Route(service="shop"),)), now=now)
    with pytest.raises(Conflict, match="site"):
        catalog.delete_service(actor=owner, name="shop", now=now)
    catalog.delete_service(actor=owner, name="site", now=now)
    with pytest.raises(Conflict, match="routes"):
        catalog.delete_service(actor=owner, name="shop", now=now)
    integrations.save_routes(actor=owner, tree=EMPTY, now=now)
    catalog.delete_service(actor=owner, name="shop", now=now)
