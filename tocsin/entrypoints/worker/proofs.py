"""Fetches what events prove themselves by; see `apps.incidents.proving`."""

from tocsin.apps.incidents import jobs as incidents
from tocsin.lib import clock, http
from tocsin.ports.source import UnreachableError

_LOOK_S = 2.0
_MOST_BYTES = 256 * 1024


def step() -> float:
    return 0.0 if incidents.prove_waiting(clock.now(), fetch) else _LOOK_S


def fetch(url: str) -> bytes:
    try:
        with http.client() as client:
            answer = client.get(url, limit=_MOST_BYTES)
    except http.HttpError as error:
        raise UnreachableError(str(error)) from error
    if not answer.ok:
        raise UnreachableError(f"it answers {answer.status}")
    return answer.body
