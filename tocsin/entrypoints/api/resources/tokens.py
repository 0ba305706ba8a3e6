from datetime import datetime

from ninja import Path, Query, Router, Schema, Status

from tocsin.apps.audit.types import Slice
from tocsin.apps.identity import actions, queries
from tocsin.apps.identity.types import TokenInfo
from tocsin.domain.permissions import Role
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Id, In, Listed, Name, found

router = Router()


class Token(Schema):
    id: int
    name: str
    prefix: str
    role: Role
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewToken(Token):
    token: str
    """Shown in this answer and never again."""


class Tokens(Schema):
    items: list[Token]
    next_cursor: str | None


class TokenFilter(Listed):
    include_revoked: bool = False


class TokenIn(In):
    name: Name
    role: Role = Role.RESPONDER


@router.get("", response=Tokens)
def list_tokens(request: ApiRequest, filters: Query[TokenFilter]) -> Slice[TokenInfo]:
    return queries.tokens_slice(
        actor=request.actor,
        include_revoked=filters.include_revoked,
        cursor=filters.cursor,
        limit=filters.limit,
    )


@router.post("", response={201: NewToken})
def create_token(request: ApiRequest, body: TokenIn) -> Status[NewToken]:
    """The token itself stands in this answer and is kept nowhere: a repeat with the same key is a 409."""
    made, raw = actions.create_token(actor=request.actor, name=body.name, role=body.role, now=request.now)
    request.shows_secret = True
    return Status(201, NewToken(**Token.from_orm(made).dict(), token=raw))


@router.get("/{token_id}", response=Token)
def read_token(request: ApiRequest, token_id: Path[Id]) -> TokenInfo:
    return found(queries.token_by_id(token_id, actor=request.actor), "token", token_id)


@router.delete("/{token_id}", response=Token)
def revoke_token(request: ApiRequest, token_id: Path[Id]) -> TokenInfo:
    """From now on nobody acts with it; its row stays, for the record."""
    return actions.revoke_token(actor=request.actor, token_id=token_id, now=request.now)
