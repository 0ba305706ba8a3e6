"""Kind → adapter. Filled once by `config.adapters`; read by everyone."""

from tocsin.domain.errors import NotFound
from tocsin.ports.channel import Channel
from tocsin.ports.source import Source

sources: dict[str, Source] = {}
channels: dict[str, Channel] = {}


def source(kind: str) -> Source:
    try:
        return sources[kind]
    except KeyError:
        raise NotFound("integration kind", kind) from None
