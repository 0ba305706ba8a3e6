"""Kind → adapter. Filled once by `config.adapters`; read by everyone."""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tocsin.domain.errors import NotFound
from tocsin.ports.callback import Hook
from tocsin.ports.channel import Channel
from tocsin.ports.source import ConfiguredSource, Source

sources: dict[str, Source] = {}
channels: dict[str, Channel] = {}
twins: dict[str, Channel] = {}  # channels that are no person's way: the canary's
hooks: dict[str, Hook] = {}  # by vendor


def no_link(_email: str, _incident_id: int, _action: str, _now: datetime) -> str:
    return ""


def not_ready(_email: str, _readiness_id: int) -> str:
    return ""


def no_links(_email: str, _incident_ids: Iterable[int], _now: datetime) -> str:
    return ""


def no_way_out(_email: str, _now: datetime) -> str:
    return ""


@dataclass
class Links:
    """Who makes the signed links in messages, "" for none: (person, incident, action, now) → URL,
    (person, incidents, now) → URL that acknowledges all of those, (person, readiness) → URL, and (person,
    now) → URL that ends the updates. Set by config.
    """

    make: Callable[[str, int, str, datetime], str] = no_link
    all: Callable[[str, Iterable[int], datetime], str] = no_links
    ready: Callable[[str, int], str] = not_ready
    unfollow: Callable[[str, datetime], str] = no_way_out


links = Links()


def nobody(_emails: Iterable[str]) -> Mapping[str, bool]:
    return {}


@dataclass
class Reach:
    """Who has a verified contact method that works: asked by apps that stand beside notify. Set by config."""

    deliverable: Callable[[Iterable[str]], Mapping[str, bool]] = nobody


reach = Reach()


@dataclass
class Browsers:
    """`key`: the public key for which browsers let themselves be pushed to. Set by config."""

    key: str = ""


browsers = Browsers()


def no_runbooks(_name: str) -> str:
    return "runbooks are not set up"


def not_started(name: str, _incident_id: int, _key: str) -> str:
    return no_runbooks(name)


@dataclass
class Runbooks:
    """What escalation policies start: (name, incident, key) → "" once it is to run, else why not; a key
    starts nothing twice. `missing`: asked before, why that runbook cannot be started. Set by config.
    """

    start: Callable[[str, int, str], str] = not_started
    missing: Callable[[str], str] = no_runbooks


runbooks = Runbooks()


def source(kind: str) -> Source:
    try:
        return sources[kind]
    except KeyError:
        raise NotFound("integration kind", kind) from None


# Words of an integration's config that are the door's, whatever the kind.
DOORS_WORDS: Final = frozenset({"quota"})
_MOST_BOUND: Final = 1024

_bound: OrderedDict[tuple[str, str], tuple[Source, Source]] = (
    OrderedDict()
)  # → (the kind's, with that config)


def bound(kind: str, config: Mapping[str, Any]) -> Source:
    """The source of that kind as an integration with that config has it; without a config, the kind's own.

    Remembered. Raises NotFound for the kind, and Invalid, which names the field of the config.
    """
    plain = source(kind)
    asked = {word: value for word, value in config.items() if word not in DOORS_WORDS}
    if not asked or not isinstance(plain, ConfiguredSource):
        return plain
    place = (kind, json.dumps(asked, sort_keys=True))
    found = _bound.get(place)
    if found is None or found[0] is not plain:
        found = _bound[place] = (plain, plain.configured(asked))
        if len(_bound) > _MOST_BOUND:
            _bound.popitem(last=False)
    return found[1]
