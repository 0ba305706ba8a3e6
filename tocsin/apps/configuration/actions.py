import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import connection, transaction

from tocsin.apps.audit.actions import record
from tocsin.apps.configuration import queries
from tocsin.apps.configuration.carrying import Carrier
from tocsin.apps.configuration.locks import UNLOCKABLE, release, whole
from tocsin.apps.configuration.models import AppliedObject
from tocsin.apps.configuration.types import Outcome
from tocsin.apps.oncall import queries as oncall
from tocsin.apps.oncall.actions.common import watching
from tocsin.domain.configuration import Loaded, Organisation, load
from tocsin.domain.configuration.forms import objects
from tocsin.domain.configuration.lint import lint
from tocsin.domain.configuration.plan import Action, Change, compare, overlaid, with_turns
from tocsin.domain.configuration.problems import Problem
from tocsin.domain.configuration.references import Checker, things_named
from tocsin.domain.configuration.secrets import Secrets
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.permissions import SYSTEM, Actor, Permission, require
from tocsin.domain.schedule.definition import make_book
from tocsin.domain.schedule.revision import revise
from tocsin.lib import pg

Files = Mapping[str, str]
ObjectKey = tuple[str, str]

_LOCK: Final = "configuration"


class _Prepared:
    """Files, read and checked against what is there. Raises Invalid, naming file, line and field."""

    def __init__(self, files: Files, *, prune: bool, secrets: Secrets | None, now: datetime) -> None:
        self.loaded: Loaded = load(files, secrets, needed=True)
        self.left: list[str] = []
        self.kept: list[str] = []
        self._fail()
        self.present: Organisation = queries.organisation(from_files_only=True)
        self.loaded.organisation = self._without_leavers(self.loaded.organisation)
        wanted = self.loaded.organisation
        removable = queries.made_by_files() if prune else frozenset()
        named = {("users", email) for email in wanted.users}
        gone = self._not_needed(removable - set(objects(wanted)) - named)
        self.merged = overlaid(self.present, wanted, gone)
        Checker(self.merged, self.loaded.report, dict(self.loaded.places)).check()
        self._fail()
        # Users who are only named here may well be described in the database.
        known = {email for email in wanted.users if email in self.present.users}
        lint(self.merged, self.loaded.report, self.loaded.places, now, known)
        book = overlaid(self.present, wanted).book()
        self.changes = self._with_turns(compare(self.present, wanted, gone, book), now)

    def _fail(self) -> None:
        errors = self.loaded.report.errors
        if errors:
            raise Invalid(*(FieldError(_where(problem), problem.message) for problem in errors))

    def _not_needed(self, removable: frozenset[ObjectKey]) -> frozenset[ObjectKey]:
        """Of what could go, what nothing that stays still names."""
        while True:
            stays = overlaid(self.present, self.loaded.organisation, removable)
            needed = removable & things_named(stays)
            if not needed:
                return removable
            self.kept.extend(
                f"{kind}/{name} stays: something else still needs it" for kind, name in sorted(needed)
            )
            removable -= needed

    def _without_leavers(self, wanted: Organisation) -> Organisation:
        """Who left is let in again by people only; a file that still names them is warned of."""
        left = queries.people_who_left() & set(wanted.users)
        for email in sorted(left):
            self.left.append(
                f"{email} has left: no file lets them in again; name somebody else in their place"
            )
        teams = {
            name: replace(
                team,
                members=tuple(email for email in team.members if email not in left),
                admins=tuple(email for email in team.admins if email not in left),
                lead=None if team.lead in left else team.lead,
                manager=None if team.manager in left else team.manager,
            )
            for name, team in wanted.teams.items()
        }
        users = {email: user for email, user in wanted.users.items() if email not in left}
        return replace(wanted, teams=teams, users=users)

    def _with_turns(self, changes: tuple[Change, ...], now: datetime) -> tuple[Change, ...]:
        present, pasts = self.present.rotations, oncall.pasts()
        revision = revise(present, pasts, self.loaded.organisation.rotations, now)
        gone = {
            change.name for change in changes if (change.kind, change.action) == ("rotations", Action.REMOVE)
        }
        after = {name: entry for name, entry in revision.definitions.items() if name not in gone}
        return with_turns(changes, make_book(present, {}, pasts), make_book(after, {}, revision.pasts), now)

    @property
    def warnings(self) -> tuple[str, ...]:
        lints = (f"{_where(problem)}: {problem.message}" for problem in self.loaded.report.warnings)
        return (*self.left, *self.kept, *lints)


def _where(problem: Problem) -> str:
    return f"{problem.place} {problem.path}".rstrip()


def plan(*, actor: Actor, files: Files, prune: bool = False, now: datetime) -> Outcome:
    """What `apply` would do, with the next turns of each rotation that changes. Raises Invalid."""
    require(actor, Permission.CONFIGURE)
    prepared = _Prepared(files, prune=prune, secrets=None, now=now)
    return Outcome(prepared.changes, prepared.warnings)


@transaction.atomic
def apply(
    *, actor: Actor, files: Files, prune: bool = False, secrets: Secrets | None = None, now: datetime
) -> Outcome:
    """Make everything as the files say, or nothing. A second time nothing changes. `prune` also removes what
    files once made and no longer say; what people made is never touched. Raises Invalid, naming file, line
    and field.
    """
    require(actor, Permission.CONFIGURE)
    with connection.cursor() as cursor:
        pg.lock(cursor, _LOCK)
    prepared = _Prepared(files, prune=prune, secrets=secrets, now=now)
    carrier = Carrier(actor, prepared.loaded, prepared.merged, now)
    with watching(actor, None, now, "the configuration files changed"):
        carrier.carry_out(prepared.changes)
    carrier.adopt()
    _remember(prepared, now)
    if prepared.changes:
        _record(actor, prepared.changes, now)
    return Outcome(prepared.changes, (*prepared.warnings, *carrier.warnings))


def _remember(prepared: _Prepared, now: datetime) -> None:
    """Keep note of what files made, and from which: all that `prune` may ever remove."""
    wanted = prepared.loaded.organisation
    forms = {**{("users", email): {"email": email} for email in wanted.users}, **objects(wanted)}
    known = {(row.kind, row.name): row for row in AppliedObject.objects.all()}
    made = {(change.kind, change.name) for change in prepared.changes if change.action is Action.ADD}
    for key, form in forms.items():
        row = known.get(key)
        # What was there before any file spoke of it is described by the file now, but not the file's to
        # remove.
        if row is None and key not in made:
            continue
        digest = hashlib.sha256(json.dumps(form, sort_keys=True).encode()).hexdigest()
        file = str(prepared.loaded.place(*key).file)[:512]
        if row is None:
            AppliedObject.objects.create(kind=key[0], name=key[1], file=file, digest=digest, applied_at=now)
        elif (row.digest, row.file) != (digest, file):
            row.digest, row.file, row.applied_at = digest, file, now
            row.save()
    for change in prepared.changes:
        if change.action is Action.REMOVE:
            AppliedObject.objects.filter(kind=change.kind, name=change.name).delete()


def _record(actor: Actor, changes: tuple[Change, ...], now: datetime) -> None:
    names = {
        str(action): [f"{change.kind}/{change.name}" for change in changes if change.action is action]
        for action in Action
    }
    record(
        actor=actor,
        action="configuration.applied",
        target_kind="configuration",
        target_id="",
        target_label=f"{len(changes)} changes",
        data={action: listed for action, listed in names.items() if listed},
        now=now,
    )


@transaction.atomic
def unlock(*, actor: Actor, kind: str, name: str, now: datetime) -> None:
    """What a file made becomes editable on the pages, and no longer the file's to remove; an apply that still
    describes it takes it back. `kind` is a top-level key of the files.
    """
    require(actor, Permission.CONFIGURE)
    if kind not in UNLOCKABLE:
        raise Invalid(FieldError("kind", f"expected one of {', '.join(sorted(UNLOCKABLE))}"))
    if not release(kind, name):
        raise NotFound(kind, name)
    AppliedObject.objects.filter(kind=kind, name="" if whole(kind) else name).delete()
    record(
        actor=actor,
        action="configuration.unlocked",
        target_kind=kind,
        target_id=name[:64],
        target_label=name,
        now=now,
    )


def first_run(directory: Path, now: datetime) -> bool:
    """Load the files of `directory` into an installation in which nothing was configured yet; whether it
    did.
    """
    if AppliedObject.objects.exists() or objects(replace(queries.organisation(), users={})):
        return False
    paths = sorted(path for path in directory.rglob("*") if path.suffix in {".yaml", ".yml"})
    files = {str(path.relative_to(directory)): path.read_text(encoding="utf-8") for path in paths}

    def secrets(where: str, name: str) -> str | None:
        return os.environ.get(name) if where == "env" else None

    apply(actor=SYSTEM, files=files, secrets=secrets, now=now)
    return True
