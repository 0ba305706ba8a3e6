from ninja import Router, Schema

from tocsin.apps.identity import queries
from tocsin.domain.permissions import GRANTS, Role
from tocsin.entrypoints.api.context import ApiRequest

router = Router()


class Me(Schema):
    kind: str
    label: str
    role: Role
    email: str | None
    permissions: list[str]
    teams: list[str]


@router.get("", response=Me)
def read_me(request: ApiRequest) -> Me:
    """Who the token, or the session, is."""
    actor = request.actor
    return Me(
        kind=actor.kind,
        label=actor.label,
        role=actor.role,
        email=actor.email,
        permissions=sorted(GRANTS[actor.role]),
        teams=[team.name for team in queries.teams_of(actor.email)] if actor.email else [],
    )
