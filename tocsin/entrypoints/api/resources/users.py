from datetime import datetime

from django.conf import settings
from ninja import Query, Router, Schema, Status

from tocsin.apps.audit.types import Slice
from tocsin.apps.identity import actions, queries
from tocsin.apps.identity.actions import INVITATION_LASTS
from tocsin.apps.identity.types import Person
from tocsin.domain.permissions import Role
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Email, In, Listed, person

router = Router()


class User(Schema):
    email: str
    name: str
    timezone: str
    role: Role
    state: str
    from_file: bool


class Users(Schema):
    items: list[User]
    next_cursor: str | None


class UserFilter(Listed):
    search: str = ""
    role: Role | None = None
    state: str | None = None
    include_left: bool = False


class Invite(In):
    email: Email
    name: str = ""
    timezone: str = "UTC"
    role: Role = Role.RESPONDER


class UserEdit(In):
    name: str | None = None
    timezone: str | None = None


class Leaver(In):
    replacement: Email | None = None


class RoleEdit(In):
    role: Role


class Invitation(Schema):
    url: str
    expires_at: datetime


@router.get("", response=Users)
def list_users(request: ApiRequest, filters: Query[UserFilter]) -> Slice[Person]:  # noqa: ARG001 - ninja's
    return queries.people_slice(
        search=filters.search,
        role=filters.role,
        state=filters.state,
        include_left=filters.include_left,
        cursor=filters.cursor,
        limit=filters.limit,
    )


@router.post("", response={201: User})
def invite_user(request: ApiRequest, body: Invite) -> Status[Person]:
    made = actions.invite_user(
        actor=request.actor,
        email=body.email,
        name=body.name,
        timezone=body.timezone,
        role=body.role,
        now=request.now,
    )
    return Status(201, made)


@router.get("/{email}", response=User)
def read_user(request: ApiRequest, email: str) -> Person:  # noqa: ARG001 - ninja's
    return person(email)


@router.patch("/{email}", response=User)
def edit_user(request: ApiRequest, email: str, body: UserEdit) -> Person:
    return actions.update_user(
        actor=request.actor,
        email=email,
        name=body.name,
        timezone=body.timezone,
        now=request.now,
    )


@router.post("/{email}/role", response=User)
def set_role(request: ApiRequest, email: str, body: RoleEdit) -> Person:
    return actions.set_role(actor=request.actor, email=email, role=body.role, now=request.now)


@router.post("/{email}/invitation", response={201: Invitation})
def make_invitation(request: ApiRequest, email: str) -> Status[Invitation]:
    """A link with which an invited person sets a password, once and within seven days."""
    token = actions.invitation_token(actor=request.actor, email=email, now=request.now)
    request.shows_secret = True
    url = f"{settings.TOCSIN.public_url}/invitation/{token}"
    return Status(201, Invitation(url=url, expires_at=request.now + INVITATION_LASTS))


@router.post("/{email}/deactivate", response=User)
def deactivate_user(
    request: ApiRequest,
    email: str,
    body: Leaver | None = None,
) -> Person:
    """The person left: no login, in no team, called by nobody. With shifts to come, or named by a policy:
    409, unless `replacement` takes their place.
    """
    replacement = body.replacement if body else None
    return actions.deactivate_user(actor=request.actor, email=email, replacement=replacement, now=request.now)


@router.post("/{email}/reactivate", response=User)
def reactivate_user(request: ApiRequest, email: str) -> Person:
    return actions.reactivate_user(actor=request.actor, email=email, now=request.now)
