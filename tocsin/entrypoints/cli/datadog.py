"""`datadog setup`: the webhook in Datadog, made or brought up to date by the vendor's API."""

import os
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import click

from tocsin.entrypoints.cli.output import BadInput, Failed, json_option, print_json
from tocsin.lib.env import Env
from tocsin.ports import registry

_ROOT: Final = "api/v1/integration/webhooks/configuration"
_VARIABLE: Final = "TOCSIN_KEY"
_DOOR: Final = "/ingest/datadog/"


@dataclass(frozen=True)
class _Vendor:
    url: str
    api_key: str
    app_key: str

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """None: there is no such thing. Raises Failed."""
        # Imported when needed: an HTTP client takes longer to load than an offline command to run.
        http = import_module("tocsin.lib.http")
        headers = {"dd-api-key": self.api_key, "dd-application-key": self.app_key}
        try:
            with http.client(self.url, trusted=True, headers=headers) as client:
                answer = client.request(method, f"{_ROOT}/{path}", json=body)
                if answer.status == 404 and method == "GET":  # noqa: PLR2004 - not there
                    return None
                if answer.ok:
                    return answer.json() if answer.body else {}
        except http.HttpError as error:
            raise Failed(f"Datadog at {self.url} does not answer: {error}") from error
        if answer.status in {401, 403}:
            raise Failed(
                "Datadog refuses the keys: TOCSIN_DATADOG_API_KEY and TOCSIN_DATADOG_APP_KEY must be of the"
                " site that TOCSIN_DATADOG_API_URL names, and may manage integrations."
            )
        raise Failed(f"Datadog answered {answer.status} to {method} {path}: {answer.text[:300]}")


@click.group()
def datadog() -> None:
    """Datadog's side of the integration."""


@datadog.command()
@click.option("--url", required=True, metavar="URL", help="The integration's address, as its page shows it.")
@click.option("--name", default="tocsin", show_default=True, help="Of the webhook: @webhook-<name>.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@json_option
def setup(*, url: str, name: str, dry_run: bool, as_json: bool) -> int:
    """Create or update the webhook. Running it again changes nothing."""
    base, door, key = url.strip().rstrip("/").rpartition(_DOOR)
    if not door or not key or not base.startswith(("https://", "http://")):
        raise BadInput(f"--url is not the address of a Datadog integration: https://…{_DOOR}<key>")
    vendor = _vendor()
    secret = {"name": _VARIABLE, "value": key, "is_secret": True}
    webhook = {
        "name": name,
        "url": f"{base}{_DOOR}${_VARIABLE}",
        "payload": _payload(),
        "encode_as": "json",
        "custom_headers": None,
    }
    done = [
        _put(vendor, "custom-variables", secret, dry_run=dry_run),
        _put(vendor, "webhooks", webhook, dry_run=dry_run),
    ]
    if as_json:
        print_json({"dry_run": dry_run, "steps": done, "mention": f"@webhook-{name}"})
        return 0
    for step in done:
        click.echo(f"{step['what']} {step['name']}: {'would be ' if dry_run else ''}{step['outcome']}")
    click.echo(f"\nIn the message of each monitor that should page, write: @webhook-{name}")
    return 0


def _vendor() -> _Vendor:
    env = Env(os.environ)
    vendor = _Vendor(
        env.url("TOCSIN_DATADOG_API_URL", "https://api.datadoghq.com"),
        env.text("TOCSIN_DATADOG_API_KEY"),
        env.text("TOCSIN_DATADOG_APP_KEY"),
    )
    if env.problems:
        raise BadInput("\n".join(str(problem) for problem in env.problems))
    if not vendor.api_key or not vendor.app_key:
        raise BadInput(
            "Set TOCSIN_DATADOG_API_KEY and TOCSIN_DATADOG_APP_KEY (Datadog: Organization Settings), and"
            " TOCSIN_DATADOG_API_URL for a site other than US1, such as https://api.datadoghq.eu."
        )
    return vendor


def _payload() -> str:
    snippets = registry.source("datadog").snippets
    return next(each.text for each in snippets if each.title == "Payload")


def _put(vendor: _Vendor, where: str, wanted: dict[str, Any], *, dry_run: bool) -> dict[str, str]:
    name = wanted["name"]
    known = vendor.call("GET", f"{where}/{name}")
    # What is secret is not given back: only setting it again makes sure.
    hidden = {"value"} if known is not None and known.get("is_secret") else set()
    if known is None:
        outcome = "created"
    elif hidden:
        outcome = "set again (it cannot be read back)"
    elif all(known.get(field) == value for field, value in wanted.items()):
        outcome = "unchanged"
    else:
        outcome = "updated"
    if not dry_run and outcome != "unchanged":
        if known is None:
            vendor.call("POST", where, wanted)
        else:
            vendor.call("PUT", f"{where}/{name}", wanted)
    what = "webhook" if where == "webhooks" else "custom variable"
    return {"what": what, "name": name, "outcome": outcome}
