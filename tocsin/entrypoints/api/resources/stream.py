from datetime import datetime, timedelta
from typing import Final

from ninja import Router, Schema, Status

from tocsin.domain.permissions import Permission, require
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.lib import signing

router = Router()

_LASTS: Final = timedelta(seconds=60)


class Ticket(Schema):
    ticket: str
    url: str
    expires_at: datetime


@router.post("/ticket", response={201: Ticket})
def make_ticket(request: ApiRequest) -> Status[Ticket]:
    """Lets a reader in to the server-sent events at `/api/v1/stream?ticket=…`, within a minute."""
    require(request.actor, Permission.READ)
    expires_at = request.now + _LASTS
    ticket = signing.sign("live", {"who": request.actor.label}, expires_at)
    request.shows_secret = True
    return Status(201, Ticket(ticket=ticket, url=f"/api/v1/stream?ticket={ticket}", expires_at=expires_at))
