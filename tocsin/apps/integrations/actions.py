import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, models, transaction

from tocsin.apps.audit import actions as audit
from tocsin.apps.catalog.models import Service
from tocsin.apps.integrations import partitions, silence_of_sources
from tocsin.apps.integrations.forms import route_form, route_of, tables_form, tables_of
from tocsin.apps.integrations.models import Event, Integration, Rejected, RouteTree
from tocsin.apps.integrations.queries import info_of, routes_before
from tocsin.apps.integrations.routechecks import check_names
from tocsin.apps.integrations.types import IntegrationInfo, IntegrationSpec
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, require, require_owned
from tocsin.domain.routing import Route, Table
from tocsin.domain.signal import lane_of
from tocsin.lib import ids, pg
from tocsin.ports import registry

_KEY: Final = re.compile(r"[0-9a-f]{32}")
_LONGEST_KEPT: Final = 262_144  # of the tree before a change, for undoing it
EVENTS_KEPT: Final = timedelta(days=30)
OLD_KEY_KEPT: Final = timedelta(hours=24)
LONGEST_KEPT: Final = timedelta(days=90)


@transaction.atomic
def save_integration(
    *, actor: Actor, spec: IntegrationSpec, now: datetime, rename_from: str = "", from_file: bool = False
) -> IntegrationInfo:
    """Create or change the integration of that name. Raises Invalid, and Conflict for one a file owns."""
    row = _locked(rename_from or spec.name)
    service = Service.objects.filter(name=spec.service).first() if spec.service else None
    services = (service, row.service) if row else (service,)
    owners = [each.team_id if each else None for each in services]
    require_owned(actor, Permission.EDIT_TEAM, owners)
    if rename_from and row is None:
        raise NotFound("integration", rename_from)
    if row is not None and row.from_file and not from_file:
        raise Conflict(f"The integration “{row.name}” comes from a file; change it there or unlock it.")
    if rename_from and spec.name != rename_from and Integration.objects.filter(name=spec.name).exists():
        raise Conflict(f"There is an integration “{spec.name}” already.")
    _check(spec, row, service)
    if row is not None and row.from_file == from_file and _same(row, spec):
        return info_of(row)
    created = row is None
    row = row or Integration(created_at=now, key=ids.hex_key(16))
    row.name, row.kind, row.service, row.enabled = spec.name, spec.kind, service, spec.enabled
    row.severity_map = {word: str(severity) for word, severity in spec.severity_map.items()}
    if spec.silent_after is not None:
        row.silent_after = spec.silent_after or None
    if spec.config is not None:
        row.config = dict(spec.config)
    if spec.key and spec.key != row.key:
        if not created:
            _keep_old(row, now + OLD_KEY_KEPT)
        row.key = spec.key
    row.from_file = from_file
    row.save()
    silence_of_sources.settle(row, now)
    _record(actor, "integration.created" if created else "integration.changed", row, now)
    return info_of(row)


@transaction.atomic
def rotate_key(
    *, actor: Actor, name: str, now: datetime, keep_for: timedelta = OLD_KEY_KEPT
) -> IntegrationInfo:
    """A new key at once; the old one opens the door for `keep_for` longer, so that nothing is lost while the
    tools are being changed. A key that was still kept from an earlier change ends now.
    """
    row = _editable(actor, name)
    if row.from_file:
        raise Conflict(f"The key of “{name}” comes from a file; change it there or unlock it.")
    if not timedelta(0) <= keep_for <= LONGEST_KEPT:
        raise Invalid(FieldError("keep_for", f"expected 0 to {LONGEST_KEPT.days} days"))
    _keep_old(row, now + keep_for)
    row.key = ids.hex_key(16)
    row.save()
    _record(actor, "integration.key_rotated", row, now)
    return info_of(row)


@transaction.atomic
def end_old_key(*, actor: Actor, name: str, now: datetime) -> IntegrationInfo:
    """The old key is refused within seconds; nothing happens where there is none."""
    row = _editable(actor, name)
    if row.old_key:
        row.old_key, row.old_key_until, row.old_key_used_at = "", None, None
        row.save()
        _record(actor, "integration.old_key_ended", row, now)
    return info_of(row)


@transaction.atomic
def delete_integration(*, actor: Actor, name: str, now: datetime, from_file: bool = False) -> None:
    """Raises Conflict for one a file owns, and while alerts refer to it: disable it then."""
    row = _editable(actor, name)
    if row.from_file and not from_file:
        raise Conflict(f"The integration “{name}” comes from a file; remove it there or unlock it.")
    _record(actor, "integration.deleted", row, now)
    try:
        with transaction.atomic():
            row.delete()
    except models.ProtectedError as error:
        raise Conflict(f"The integration “{name}” has alerts on record; disable it instead.") from error


@transaction.atomic
def save_routes(
    *,
    actor: Actor,
    tree: Route | None = None,
    tables: Mapping[str, Table] | None = None,
    now: datetime,
    from_file: bool = False,
) -> None:
    """The tree, or the tables that it looks labels up in, or both; what is None stays."""
    require(actor, Permission.CONFIGURE)
    row = RouteTree.objects.select_for_update().order_by("pk").first()
    if row is not None and row.from_file and not from_file:
        raise Conflict("The routes come from a file; change them there or unlock them.")
    row = row or RouteTree(definition={})
    before = {"definition": row.definition, "tables": row.tables or []}
    if not from_file:  # what files say was checked with all that stands beside it
        check_names(tree or route_of(row.definition), tables if tables is not None else tables_of(row.tables))
    row.from_file = from_file
    if tree is not None:
        row.definition = route_form(tree)
    if tables is not None:
        row.tables = tables_form(tables)
    row.save()
    audit.record(
        actor=actor,
        action="routes.changed",
        target_kind="routes",
        target_id=1,
        target_label="routes",
        data={"before": before} if len(json.dumps(before)) <= _LONGEST_KEPT else {},
        now=now,
    )


@transaction.atomic
def undo_routes(*, actor: Actor, now: datetime) -> None:
    """The tree and its tables as they were before the last change; a second time takes that back. Raises
    Conflict where nothing is known of before.
    """
    require(actor, Permission.CONFIGURE)
    before = routes_before()
    if before is None:
        raise Conflict("There is nothing to undo.")
    save_routes(actor=actor, tree=route_of(before["definition"]), tables=tables_of(before["tables"]), now=now)


@transaction.atomic
def send_test_event(*, actor: Actor, name: str, now: datetime, resolve: bool = False) -> str:
    """As if the tool had sent it, from the door on; the event's id."""
    row = _editable(actor, name)
    source = registry.bound(row.kind, row.config)
    event_id = ids.new_id()
    for envelope in source.envelope(source.sample(f"test-{row.pk:08x}", resolve=resolve)):
        Event.objects.create(
            event_id=event_id,
            integration=row,
            action=envelope.action,
            dedup_key=envelope.dedup_key,
            lane=lane_of(row.pk, envelope.dedup_key),
            payload=envelope.payload,
            received_at=now,
        )
    _record(actor, "integration.tested", row, now)
    with connection.cursor() as cursor:
        pg.notify(cursor, "tocsin_events")
    return event_id


def forget_events(*, now: datetime, keep: timedelta = EVENTS_KEPT) -> int:
    """Make the days of the event log that come, drop those that are old, and samples of what was refused."""
    done = partitions.make_ahead(now=now) + partitions.drop_old(now=now, keep=keep)
    return done + Rejected.objects.filter(last_at__lt=now - keep).delete()[0]


def _keep_old(row: Integration, until: datetime) -> None:
    row.old_key, row.old_key_until, row.old_key_used_at = row.key, until, None


def _same(row: Integration, spec: IntegrationSpec) -> bool:
    there = info_of(row)
    given = (
        spec.name,
        spec.kind,
        spec.service or None,
        dict(spec.severity_map),
        spec.enabled,
        there.silent_after if spec.silent_after is None else spec.silent_after or None,
    )
    known = (
        there.name,
        there.kind,
        there.service,
        dict(there.severity_map),
        there.enabled,
        there.silent_after,
    )
    kept = spec.config is None or dict(spec.config) == there.config
    return given == known and kept and spec.key in {None, there.key}


def _check(spec: IntegrationSpec, row: Integration | None, service: Service | None) -> None:
    errors = []
    if not spec.name.strip() or len(spec.name) > 128:  # noqa: PLR2004 - the column's length
        errors.append(FieldError("name", "expected 1 to 128 characters"))
    if spec.kind not in registry.sources:
        errors.append(FieldError("kind", f"expected one of: {', '.join(sorted(registry.sources))}"))
    if spec.service and service is None:
        errors.append(FieldError("service", f"there is no service “{spec.service}”"))
    if spec.key is not None:
        if not _KEY.fullmatch(spec.key):
            errors.append(FieldError("key", "expected 32 hexadecimal digits in lower case"))
        elif _taken(spec.key, row):
            errors.append(FieldError("key", "another integration has this key"))
    if spec.config is not None and spec.kind in registry.sources:
        errors += _wrong_in(spec.kind, spec.config)
    if errors:
        raise Invalid(*errors)


def _taken(key: str, row: Integration | None) -> bool:
    others = Integration.everything.exclude(pk=row.pk if row else 0)
    return others.filter(models.Q(key=key) | models.Q(old_key=key)).exists()


def _wrong_in(kind: str, config: Mapping[str, Any]) -> list[FieldError]:
    quota = config.get("quota")
    if quota is not None and (not isinstance(quota, int) or isinstance(quota, bool) or quota < 1):
        return [FieldError("config.quota", "expected a whole number of events a minute")]
    try:
        registry.bound(kind, config)
    except Invalid as error:
        return [FieldError(f"config.{each.field}", each.message) for each in error.errors]
    return []


def _locked(name: str) -> Integration | None:
    rows = Integration.objects.select_related("service").select_for_update(of=("self",))
    return rows.filter(name=name).first()


def _editable(actor: Actor, name: str) -> Integration:
    row = _locked(name)
    team = row.service.team_id if row and row.service else None
    require_owned(actor, Permission.EDIT_TEAM, (team,))
    if row is None:
        raise NotFound("integration", name)
    return row


def _record(actor: Actor, action: str, row: Integration, now: datetime) -> None:
    audit.record(
        actor=actor,
        action=action,
        target_kind="integration",
        target_id=row.pk,
        target_label=row.name,
        now=now,
    )
    with connection.cursor() as cursor:
        pg.notify(cursor, "tocsin_live", json.dumps({"kind": "integration", "id": row.name}))
