import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, Q, QuerySet

from tocsin.apps.audit.queries import id_of_cursor
from tocsin.apps.audit.types import Slice
from tocsin.apps.identity.models import ApiToken, Membership, Team, User, UserState
from tocsin.apps.identity.types import Person, TeamInfo, TokenInfo
from tocsin.domain.errors import NotFound, PermissionDenied
from tocsin.domain.permissions import Actor, ActorKind, Permission, Role, require

# `last_used_at` is for people who clean up: written at most this often, so that a request stays a read.
_USE_NOTED_EVERY = timedelta(minutes=1)


def person(email: str) -> Person | None:
    row = User.objects.filter(email=email.lower()).first()
    return person_of(row) if row else None


def person_by_id(id: int) -> Person | None:  # noqa: A002 - the word for it
    row = User.objects.filter(pk=id).first()
    return person_of(row) if row else None


def people(
    *,
    emails: Iterable[str] | None = None,
    search: str = "",
    role: Role | None = None,
    state: str | None = None,
    include_left: bool = False,
) -> tuple[Person, ...]:
    """By name, then e-mail. People who left only when asked for."""
    rows = _people(search=search, role=role, state=state, include_left=include_left)
    if emails is not None:
        rows = rows.filter(email__in=[email.lower() for email in emails])
    return tuple(person_of(row) for row in rows.order_by("name", "email"))


def people_slice(
    *,
    search: str = "",
    role: Role | None = None,
    state: str | None = None,
    include_left: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> Slice[Person]:
    """In the order in which they came."""
    rows = _people(search=search, role=role, state=state, include_left=include_left).order_by("id")
    if cursor:
        rows = rows.filter(id__gt=id_of_cursor(cursor))
    found = [person_of(row) for row in rows[: limit + 1]]
    return Slice(tuple(found[:limit]), str(found[limit - 1].id) if len(found) > limit else None)


def owners() -> tuple[str, ...]:
    """E-mails of the owners; those who can log in first."""
    rows = User.objects.filter(role=Role.OWNER).exclude(state=UserState.LEFT)
    return tuple(rows.order_by("state", "id").values_list("email", flat=True))


def team(name: str) -> TeamInfo | None:
    row = _teams().filter(name=name).first()
    return team_of(row) if row else None


def team_by_id(id: int) -> TeamInfo | None:  # noqa: A002 - the word for it
    row = _teams().filter(pk=id).first()
    return team_of(row) if row else None


def teams(*, search: str = "") -> tuple[TeamInfo, ...]:
    rows = _teams().filter(name__icontains=search) if search else _teams()
    return tuple(team_of(row) for row in rows.order_by("name"))


def teams_slice(*, search: str = "", cursor: str | None = None, limit: int = 50) -> Slice[TeamInfo]:
    """In the order in which they were made."""
    rows = _teams().order_by("id")
    if search:
        rows = rows.filter(name__icontains=search)
    if cursor:
        rows = rows.filter(id__gt=id_of_cursor(cursor))
    found = [team_of(row) for row in rows[: limit + 1]]
    return Slice(tuple(found[:limit]), str(found[limit - 1].id) if len(found) > limit else None)


def teams_of(email: str) -> tuple[TeamInfo, ...]:
    """The teams a person is a member, the lead or the manager of."""
    email = email.lower()
    of_person = Q(memberships__user__email=email) | Q(lead__email=email) | Q(manager__email=email)
    rows = _teams().filter(pk__in=Team.objects.filter(of_person).values("pk"))
    return tuple(team_of(row) for row in rows.order_by("name"))


def tokens(*, actor: Actor, include_revoked: bool = False) -> tuple[TokenInfo, ...]:
    require(actor, Permission.MANAGE_TOKENS)
    rows = ApiToken.objects.order_by("-id")
    if not include_revoked:
        rows = rows.filter(revoked_at=None)
    return tuple(token_of(row) for row in rows)


def tokens_slice(
    *, actor: Actor, include_revoked: bool = False, cursor: str | None = None, limit: int = 50
) -> Slice[TokenInfo]:
    """Newest first."""
    require(actor, Permission.MANAGE_TOKENS)
    rows = ApiToken.objects.order_by("-id")
    if not include_revoked:
        rows = rows.filter(revoked_at=None)
    if cursor:
        rows = rows.filter(id__lt=id_of_cursor(cursor))
    found = [token_of(row) for row in rows[: limit + 1]]
    return Slice(tuple(found[:limit]), str(found[limit - 1].id) if len(found) > limit else None)


def token_by_id(id: int, *, actor: Actor) -> TokenInfo | None:  # noqa: A002 - the word for it
    require(actor, Permission.MANAGE_TOKENS)
    row = ApiToken.objects.filter(pk=id).first()
    return token_of(row) if row else None


def actor_for(user_id: int) -> Actor:
    """Who acts when this person does. Raises NotFound, or PermissionDenied for one who left."""
    row = User.objects.filter(pk=user_id).first()
    if row is None:
        raise NotFound("user", user_id)
    if row.state == UserState.LEFT or not row.is_active:
        message = f"{row} has left and may do nothing here."
        raise PermissionDenied(message)
    administered = Membership.objects.filter(user=row, is_admin=True).values_list("team_id", flat=True)
    return Actor(
        kind=ActorKind.USER,
        label=str(row),
        role=Role(row.role),
        id=row.pk,
        email=row.email,
        administers=frozenset(administered),
    )


def actor_for_email(email: str) -> Actor:
    """As `actor_for`, by e-mail."""
    pk = User.objects.filter(email=email.lower()).values_list("pk", flat=True).first()
    if pk is None:
        raise NotFound("user", email)
    return actor_for(pk)


def authenticate_token(raw: str, now: datetime) -> Actor | None:
    """Who acts with this token; None for an unknown or a revoked one."""
    bootstrap: str = settings.TOCSIN.bootstrap_token
    if bootstrap and hmac.compare_digest(raw.encode(), bootstrap.encode()):
        return Actor(ActorKind.TOKEN, "bootstrap token", Role.ADMIN)
    return _used(ApiToken.objects.filter(digest=token_digest(raw), revoked_at=None).first(), now)


def token_actor(id: int, now: datetime) -> Actor | None:  # noqa: A002 - the word for it
    """Who acts with what a token vouches for, such as the link of a screen; None once it is revoked."""
    return _used(ApiToken.objects.filter(pk=id, revoked_at=None).first(), now)


def _used(row: ApiToken | None, now: datetime) -> Actor | None:
    if row is None:
        return None
    if row.last_used_at is None or now - row.last_used_at >= _USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return Actor(ActorKind.TOKEN, row.name, Role(row.role), id=row.pk)


def token_digest(raw: str) -> str:
    # A token is 32 random bytes: nothing to guess, so nothing slow is needed.
    return hashlib.sha256(raw.encode()).hexdigest()


def person_of(row: User) -> Person:
    return Person(
        id=row.pk,
        email=row.email,
        name=row.name,
        timezone=row.timezone,
        role=Role(row.role),
        state=str(row.state),
        from_file=row.from_file,
    )


def team_of(row: Team) -> TeamInfo:
    members = [m for m in row.memberships.all() if m.user.state != UserState.LEFT]
    return TeamInfo(
        id=row.pk,
        name=row.name,
        description=row.description,
        lead=_present(row.lead),
        manager=_present(row.manager),
        members=tuple(person_of(m.user) for m in members),
        admins=tuple(m.user.email for m in members if m.is_admin),
        business_hours=row.business_hours,
        holidays=tuple(row.holidays),
        from_file=row.from_file,
    )


def token_of(row: ApiToken) -> TokenInfo:
    return TokenInfo(
        id=row.pk,
        name=row.name,
        prefix=row.prefix,
        role=Role(row.role),
        created_by=row.created_by,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


def _present(row: User | None) -> Person | None:
    return None if row is None or row.state == UserState.LEFT else person_of(row)


def _people(*, search: str, role: Role | None, state: str | None, include_left: bool) -> QuerySet[User, User]:
    rows = User.objects.all()
    if search:
        rows = rows.filter(Q(email__icontains=search) | Q(name__icontains=search))
    if role is not None:
        rows = rows.filter(role=role)
    if state is not None:
        rows = rows.filter(state=state)
    elif not include_left:
        rows = rows.exclude(state=UserState.LEFT)
    return rows


def _teams() -> QuerySet[Team, Team]:
    members: Prefetch[Any] = Prefetch("memberships", Membership.objects.select_related("user"))
    return Team.objects.select_related("lead", "manager").prefetch_related(members)
