"""The commands that need no database: offline ones, and those that speak HTTP to a server."""

from importlib import import_module
from typing import Final

import click

# Name → module. Each is loaded when it is asked for: who is on call must not wait for what the others need.
_MODULES: Final = {
    "validate": "configuration",
    "plan": "configuration",
    "apply": "configuration",
    "export": "configuration",
    "oncall": "oncall",
    "explain": "rehearse",
    "simulate": "rehearse",
    "replay": "replay",
    "incident": "incident",
    "page": "incident",
    "alert": "incident",
    "silence": "silence",
    "maintenance": "silence",
    "demo": "demo",
    "datadog": "datadog",
}


def names() -> tuple[str, ...]:
    return tuple(_MODULES)


def command(name: str) -> click.Command | None:
    if name not in _MODULES:
        return None
    found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return found if isinstance(found, click.Command) else None
