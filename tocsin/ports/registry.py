"""Kind → adapter. Filled once by `config.adapters`; read by everyone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tocsin.domain.errors import NotFound
from tocsin.ports.channel import Channel
from tocsin.ports.source import Source

sources: dict[str, Source] = {}
channels: dict[str, Channel] = {}


def no_link(_email: str, _incident_id: int, _action: str, _now: datetime) -> str:
    return ""


@dataclass
class Links:
    """Who makes the signed links in messages: (person, incident, action, now) → URL, "" for none. Set by
    config.
    """

    make: Callable[[str, int, str, datetime], str] = no_link


links = Links()


def source(kind: str) -> Source:
    try:
        return sources[kind]
    except KeyError:
        raise NotFound("integration kind", kind) from None
