"""The server, over HTTP. `TOCSIN_URL` and `TOCSIN_TOKEN` say where and as whom."""

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final
from urllib.parse import quote

import click

from tocsin.entrypoints.cli.output import BadInput, Failed
from tocsin.lib.env import Env

_BAD_INPUT: Final = frozenset({400, 404, 409, 413, 422})
_TIMEOUT_S: Final = 60.0


def base_url() -> str:
    """`TOCSIN_URL`, else `TOCSIN_PUBLIC_URL`, else where `TOCSIN_BIND` listens."""
    env = Env(os.environ)
    given = env.url("TOCSIN_URL") or env.url("TOCSIN_PUBLIC_URL")
    host, port = env.bind("TOCSIN_BIND", "127.0.0.1:8080")
    if env.problems:
        raise BadInput("\n".join(str(problem) for problem in env.problems))
    # An address that means "all of this host's" is reached over the loopback.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on
    return given or f"http://{f'[{host}]' if ':' in host else host}:{port}"


def token() -> str:
    env = Env(os.environ)
    found = env.text("TOCSIN_TOKEN") or env.text("TOCSIN_BOOTSTRAP_TOKEN")
    if not found:
        raise BadInput(
            "Who asks? Set TOCSIN_TOKEN to an API token; "
            "`tocsin token create --name cli --role admin` makes one."
        )
    return found


def call(
    method: str,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    params: Mapping[str, str | None] | None = None,
) -> Any:
    """The JSON of an answer of success. Raises BadInput for what the server refuses as wrong, Failed for
    the rest.
    """
    # Imported when needed: an HTTP client takes longer to load than an offline command to run.
    http = import_module("tocsin.lib.http")
    url, headers = base_url(), {"authorization": f"Bearer {token()}", "accept": "application/json"}
    given = {key: value for key, value in (params or {}).items() if value is not None}
    try:
        with http.client(url, trusted=True, headers=headers) as client:
            answer = client.request(method, path, json=body, params=given or None, timeout_s=_TIMEOUT_S)
            if answer.ok:
                return answer.json() if answer.body else None
            problem = _problem(answer)
    except http.HttpError as error:
        raise Failed(f"{url} does not answer: {error}") from error
    raise (BadInput if answer.status in _BAD_INPUT else Failed)(problem)


def _problem(answer: Any) -> str:
    """An RFC 9457 problem as a few lines."""
    if "json" not in answer.headers.get("content-type", ""):
        return f"The server answered {answer.status}."
    found = answer.json()
    if not isinstance(found, dict):
        return f"The server answered {answer.status}."
    lines = [str(found.get("detail") or found.get("title") or f"The server answered {answer.status}.")]
    errors = found.get("errors")
    lines.extend(
        f"  {error.get('field', '')}: {error.get('message', '')}"
        for error in (errors if isinstance(errors, list) else ())
        if isinstance(error, dict)
    )
    return "\n".join(lines)


def segment(text: str) -> str:
    """A name as one part of a path."""
    return quote(text, safe="")


def link(path: str) -> str:
    return click.style(f"{base_url()}{path}", underline=True)
