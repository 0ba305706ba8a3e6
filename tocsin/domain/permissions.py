"""Who may do what. One enum of permissions, one table of roles, one check that every action calls first."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tocsin.domain.errors import PermissionDenied


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    RESPONDER = "responder"
    OBSERVER = "observer"


class Permission(StrEnum):
    READ = "read"
    RESPOND = "respond"  # acknowledge, resolve, note, severity, ask for help …
    DECLARE = "declare"
    PAGE = "page"
    EDIT_SELF = "edit_self"  # own contact methods, rules, shifts
    OVERRIDE = "override"  # put somebody on call for a while
    EDIT_TEAM = "edit_team"  # what a team owns: schedules, policies, services, integrations
    CONFIGURE = "configure"  # everything that is configuration
    MANAGE_PEOPLE = "manage_people"
    MANAGE_TOKENS = "manage_tokens"
    MANAGE_OWNERS = "manage_owners"
    READ_AUDIT = "read_audit"


_OBSERVER = frozenset({Permission.READ, Permission.EDIT_SELF})
_RESPONDER = _OBSERVER | {Permission.RESPOND, Permission.DECLARE, Permission.PAGE, Permission.OVERRIDE}
_ADMIN = frozenset(Permission) - {Permission.MANAGE_OWNERS}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: _ADMIN,
    Role.RESPONDER: frozenset(_RESPONDER),
    Role.OBSERVER: _OBSERVER,
}

# What an admin of one team may do, but only to what that team owns.
TEAM_ADMIN_GRANTS = frozenset({Permission.EDIT_TEAM, Permission.OVERRIDE})


class ActorKind(StrEnum):
    USER = "user"
    TOKEN = "token"  # noqa: S105  (a kind of actor, not a secret)
    LINK = "link"  # a signed link: one person, one incident
    PHONE = "phone"  # a key pressed in a call to them, or a reply by SMS
    CHAT = "chat"
    ALERT = "alert"
    SYSTEM = "system"


@dataclass(frozen=True)
class Actor:
    """Who does something. `email` is set for people (also behind a link), None for tokens, alerts and the
    system.
    """

    kind: ActorKind
    label: str
    role: Role
    id: int | None = None
    email: str | None = None
    administers: frozenset[int] = frozenset()  # ids of the teams whose admin this is

    @property
    def is_person(self) -> bool:
        return self.email is not None


SYSTEM = Actor(ActorKind.SYSTEM, "Tocsin", Role.OWNER)


def can(actor: Actor, permission: Permission, teams: Iterable[int] = ()) -> bool:
    if permission in GRANTS[actor.role]:
        return True
    owned = frozenset(teams)
    return permission in TEAM_ADMIN_GRANTS and bool(owned) and owned <= actor.administers


def require(actor: Actor, permission: Permission, teams: Iterable[int] = ()) -> None:
    """Raise PermissionDenied unless `actor` holds `permission`, by role or over every one of `teams`."""
    if not can(actor, permission, teams):
        message = f"{actor.label} ({actor.role}) lacks the permission “{permission}”."
        raise PermissionDenied(message)


def require_owned(actor: Actor, permission: Permission, owners: Iterable[int | None]) -> None:
    """As `require`, over the teams that own a thing before and after the deed. None: what is nobody's takes
    the role itself, so that no team's admin can take it or leave it behind.
    """
    several = list(owners)
    require(actor, permission, () if None in several else [team for team in several if team is not None])
