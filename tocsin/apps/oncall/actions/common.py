"""What every write to the rota does: an audit entry, and a word to the pages that are open."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection

from tocsin.apps.audit.actions import record as audit
from tocsin.domain.permissions import Actor
from tocsin.lib import pg

_LIVE = "tocsin_live"


def record(actor: Actor, action: str, kind: str, name: str, data: dict[str, Any], now: datetime) -> None:
    audit(actor=actor, action=action, target_kind=kind, target_id=name, target_label=name, data=data, now=now)


def tell(names: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for name in names:
            pg.notify(cursor, _LIVE, json.dumps({"kind": "oncall", "id": name}))
