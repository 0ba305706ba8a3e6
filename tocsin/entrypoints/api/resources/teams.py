from ninja import Field, Query, Router, Schema, Status

from tocsin.apps.audit.types import Slice
from tocsin.apps.identity import actions, queries
from tocsin.apps.identity.actions import TeamForm
from tocsin.apps.identity.types import TeamInfo
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Email, In, Listed, Name, PersonRef, Text, found

router = Router()


class BusinessHours(In):
    timezone: str | None = Field(None, examples=["Europe/Berlin"])
    days: list[str] | None = Field(None, max_length=7, examples=[["mon", "tue", "wed", "thu", "fri"]])
    start: str | None = Field(None, examples=["09:00"])
    end: str | None = Field(None, examples=["17:00"])


class Team(Schema):
    name: str
    description: str
    lead: PersonRef | None
    manager: PersonRef | None
    members: list[PersonRef]
    admins: list[str]
    business_hours: BusinessHours | None
    holidays: list[str]
    from_file: bool


class Teams(Schema):
    items: list[Team]
    next_cursor: str | None


class TeamFilter(Listed):
    search: str = ""


class TeamIn(In):
    name: Name
    description: Text = ""
    lead: Email | None = None
    manager: Email | None = None
    members: list[Email] = Field(default_factory=list, max_length=1000)
    business_hours: BusinessHours | None = None
    holidays: list[str] = Field(
        default_factory=list, max_length=400, description="Dates, or one country code such as DE or DE-BY"
    )

    def form(self) -> TeamForm:
        hours = self.business_hours
        return TeamForm(
            name=self.name,
            description=self.description,
            lead=self.lead,
            manager=self.manager,
            members=tuple(self.members),
            business_hours=hours.dict(exclude_none=True) if hours else None,
            holidays=tuple(self.holidays),
        )


@router.get("", response=Teams)
def list_teams(request: ApiRequest, filters: Query[TeamFilter]) -> Slice[TeamInfo]:  # noqa: ARG001 - ninja's
    return queries.teams_slice(search=filters.search, cursor=filters.cursor, limit=filters.limit)


@router.post("", response={201: Team})
def create_team(request: ApiRequest, body: TeamIn) -> Status[TeamInfo]:
    return Status(201, actions.create_team(actor=request.actor, form=body.form(), now=request.now))


@router.get("/{name}", response=Team)
def read_team(request: ApiRequest, name: str) -> TeamInfo:  # noqa: ARG001 - ninja's
    return found(queries.team(name), "team", name)


@router.put("/{name}", response=Team)
def replace_team(request: ApiRequest, name: str, body: TeamIn) -> TeamInfo:
    """All of it; a new `name` renames it."""
    return actions.update_team(actor=request.actor, name=name, form=body.form(), now=request.now)


@router.delete("/{name}", response={204: None})
def delete_team(request: ApiRequest, name: str) -> Status[None]:
    actions.delete_team(actor=request.actor, name=name, now=request.now)
    return Status(204, None)


@router.post("/{name}/admins/{email}", response=Team)
def make_team_admin(request: ApiRequest, name: str, email: str) -> TeamInfo:
    """This member may edit what the team owns."""
    return actions.set_team_admin(actor=request.actor, team=name, email=email, is_admin=True, now=request.now)


@router.delete("/{name}/admins/{email}", response=Team)
def unmake_team_admin(request: ApiRequest, name: str, email: str) -> TeamInfo:
    return actions.set_team_admin(
        actor=request.actor, team=name, email=email, is_admin=False, now=request.now
    )
