"""What escalation hears; `config.subscriptions` wires it."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from tocsin.apps.audit.actions import record
from tocsin.apps.escalation import actions
from tocsin.apps.escalation.models import CallOut, LastResort, Policy
from tocsin.apps.escalation.settings import save_last_resort
from tocsin.apps.escalation.store import snapshot_of, state_of, wake
from tocsin.domain.errors import Conflict
from tocsin.domain.escalation.codec import dump
from tocsin.domain.escalation.model import CallOutStatus, Snapshot, State, TargetKind
from tocsin.ports.events import Going, Leaving, OnCallChanged, PersonUnreachable, Renamed

_CLIMBING: Final = (CallOutStatus.RUNNING, CallOutStatus.EXHAUSTED)


def on_person_unreachable(news: PersonUnreachable) -> None:
    # 0: a page from before call-outs counted their callings.
    generation = news.generation or None
    actions.unreachable(call_out_id=news.call_out_id, email=news.email, now=news.at, generation=generation)


def on_on_call_changed(news: OnCallChanged) -> None:
    """Whoever came on call for a step that fired is looked for at once, not at the hand-off known so far."""
    climbing = CallOut.objects.filter(status__in=_CLIMBING)
    # Looked through unlocked: only those it concerns are kept from the worker.
    found = [row.pk for row in climbing if _asks(snapshot_of(row), state_of(row), news.schedules)]
    asking = list(climbing.filter(pk__in=found).select_for_update().order_by("id")) if found else []
    for row in asking:
        row.state = dump(replace(state_of(row), handoff_at=news.at, due_at=news.at))
        row.due_at = news.at
    CallOut.objects.bulk_update(asking, ["state", "due_at"])
    if asking:
        wake()


def _asks(snapshot: Snapshot, state: State, schedules: Collection[str]) -> bool:
    return any(
        target.kind is TargetKind.SCHEDULE and target.name in schedules
        for step in snapshot.policy_at(state.policy).steps[: state.step]
        for target in step.targets
    )


def on_renamed(news: Renamed) -> None:
    """Policies name teams, and so does what running call-outs froze: both follow, so that the same people are
    called.
    """
    if news.kind != "team":
        return
    for policy in Policy.objects.select_for_update().order_by("pk"):
        if _rename(policy.definition, news):
            policy.save(update_fields=["definition"])
    rows = CallOut.objects.select_for_update().exclude(status=CallOutStatus.ENDED).order_by("pk")
    for row in rows:
        # The state too: it keeps the targets of the last step.
        if _rename([row.snapshot, row.state], news):
            row.save(update_fields=["snapshot", "state"])


def on_going(news: Going) -> None:
    owned = Policy.objects.filter(team__name=news.name) if news.kind == "team" else Policy.objects.none()
    using = {row.name for row in Policy.objects.all() if _calls(row.definition, news.kind, news.name)}
    names = sorted({*using, *(row.name for row in owned)})
    if names:
        raise Conflict(f"The {news.kind} “{news.name}” is still needed by the policies: {', '.join(names)}.")


def on_leaving(news: Leaving) -> None:
    """Policies and the last resort that name the person by address name the replacement instead."""
    naming = [
        policy
        for policy in Policy.objects.select_for_update().order_by("name")
        if _calls(policy.definition, "user", news.email)
    ]
    last = LastResort.objects.filter(email=news.email).first()
    places = [f"policy {policy.name}" for policy in naming] + (["the last resort"] if last else [])
    if not places:
        return
    files = [f"policy {policy.name}" for policy in naming if policy.from_file]
    if last and last.from_file:
        files.append("the last resort")
    if files:
        raise Conflict(
            f"{news.email} is named in configuration files: {', '.join(files)}. First change the files."
        )
    if news.replacement is None:
        raise Conflict(f"{news.email} is still named by {', '.join(places)}. Name who takes their place.")
    for policy in naming:
        _rename(policy.definition, Renamed("user", news.email, news.replacement))
        policy.save(update_fields=["definition"])
    if last:
        emails = [
            news.replacement if email == news.email else email
            for email in LastResort.objects.order_by("position", "id").values_list("email", flat=True)
        ]
        save_last_resort(actor=news.actor, emails=emails, now=news.at)
    for policy in naming:
        record(
            actor=news.actor,
            action="escalation_policy.person_replaced",
            target_kind="escalation_policy",
            target_id=policy.pk,
            target_label=policy.name,
            data={"from": news.email, "to": news.replacement},
            now=news.at,
        )


def _rename(value: Any, news: Renamed) -> bool:
    """Change, in place, every target of that kind and name; whether there was one."""
    if isinstance(value, list):
        return sum(_rename(item, news) for item in value) > 0  # each of them, not up to the first
    if not isinstance(value, dict):
        return False
    if value.get(news.kind) == news.old:  # as configuration writes a target
        value[news.kind] = news.new
        return True
    if value.get("kind") == news.kind and value.get("name") == news.old:  # as a snapshot keeps it
        value["name"] = news.new
        return True
    return sum(_rename(item, news) for item in value.values()) > 0


def _calls(definition: Any, kind: str, name: str) -> bool:
    if isinstance(definition, list):
        return any(_calls(item, kind, name) for item in definition)
    if not isinstance(definition, dict):
        return False
    return definition.get(kind) == name or any(_calls(item, kind, name) for item in definition.values())
