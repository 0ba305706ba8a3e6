"""`incident`, `page`, `alert`: the day's work from a terminal."""

from collections.abc import Callable
from typing import Any

import click

from tocsin.entrypoints.cli import client
from tocsin.entrypoints.cli.output import json_option, print_json, print_table

Command = Callable[..., Any]

_ref: Callable[[Command], Command] = click.argument("ref")
_person: Callable[[Command], Command] = click.option("--person", help="Somebody else (an e-mail).")
_urgency: Callable[[Command], Command] = click.option(
    "--urgency", type=click.Choice(["high", "low"]), help="How loudly; high when not said."
)


@click.group()
def incident() -> None:
    """Declare, list and work on incidents."""


@incident.command()
@click.argument("title")
@click.option("--service", required=True, help="What is broken.")
@click.option("--severity", required=True, help="SEV1, SEV2, SEV3 or SEV4.")
@click.option("--summary", default="", help="What is known so far.")
@json_option
def declare(*, title: str, service: str, severity: str, summary: str, as_json: bool) -> None:
    """Open an incident by hand; the service's on-call is called as for an alert."""
    body = {"title": title, "service": service, "severity": severity.upper()}
    if summary:
        body["summary"] = summary
    _show(client.call("POST", "/api/v1/incidents", body=body), as_json=as_json)


@incident.command(name="list")
@click.option("--status", help="open, triggered, acknowledged, all, or one status.")
@click.option("--severity", help="SEV1, SEV2, SEV3 or SEV4.")
@click.option("--service", help="Of this service only.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 200))
@json_option
def list_(
    *, status: str | None, severity: str | None, service: str | None, limit: int, as_json: bool
) -> None:
    """Incidents, the newest first."""
    params = {"status": status, "severity": severity, "service": service, "limit": str(limit)}
    answer = client.call("GET", "/api/v1/incidents", params=params)
    if as_json:
        print_json(answer)
        return
    rows = [
        (row["ref"], row["severity"], row["status"], row["service"], row["title"], row["declared_at"])
        for row in answer["items"]
    ]
    print_table(("REF", "SEVERITY", "STATUS", "SERVICE", "TITLE", "DECLARED"), rows)


@incident.command()
@_ref
@json_option
def show(*, ref: str, as_json: bool) -> None:
    """One incident: its state, its people and its timeline."""
    answer = client.call("GET", f"/api/v1/incidents/{client.segment(ref)}")
    _show(answer, as_json=as_json)
    if not as_json:
        for entry in answer.get("timeline", ()):
            click.echo(f"  {entry.get('at', '')}  {entry.get('text', '')}")


def _simple(name: str, verb: str, doc: str) -> None:
    """An action that needs nothing but the incident."""

    @incident.command(name=name, help=doc)
    @_ref
    @json_option
    def run(*, ref: str, as_json: bool) -> None:
        _act(ref, verb, {}, as_json=as_json)


_simple("ack", "acknowledge", "Acknowledge: nobody further is called.")
_simple("seen", "seen", "End your own reminders; the responders are still called.")
_simple("respond", "respond", "“I am responding”, for somebody who was not called.")
_simple("take-over", "take-over", "Have what somebody else has acknowledged; nobody is called.")
_simple("resolve", "resolve", "It is over.")
_simple("reopen", "reopen", "It is not over after all.")
_simple("escalate", "escalate", "Go on to the next step now.")
_simple("unsnooze", "unsnooze", "Wake it up again now.")
_simple("mitigate", "mitigate", "The impact has ended; the cause has not.")


def _answer(name: str, verb: str, doc: str) -> None:
    """A yes or no to a call for help."""

    @incident.command(name=name, help=doc)
    @_ref
    @click.option("--reason", default="", help="What you say to it.")
    @json_option
    def run(*, ref: str, reason: str, as_json: bool) -> None:
        _act(ref, verb, {"reason": reason}, as_json=as_json)


_answer("accept", "accept", "Come and help, as you were asked to.")
_answer("decline", "decline", "You cannot: whoever asked is told, and the next one is called.")


@incident.command()
@_ref
@click.argument("text")
@click.option("--update", is_flag=True, help="Say it to everybody who follows, too.")
@json_option
def note(*, ref: str, text: str, update: bool, as_json: bool) -> None:
    """Write a note on the timeline."""
    _act(ref, "note", {"text": text, **({"update": True} if update else {})}, as_json=as_json)


@incident.command()
@_ref
@click.argument("severity")
@click.option("--reason", default="", help="Why it changes.")
@json_option
def severity(*, ref: str, severity: str, reason: str, as_json: bool) -> None:
    """Set the severity; raised, the ladder begins again."""
    _act(ref, "severity", {"severity": severity.upper(), "reason": reason}, as_json=as_json)


@incident.command()
@_ref
@click.argument("status")
@json_option
def status(*, ref: str, status: str, as_json: bool) -> None:
    """Move it along its lifecycle."""
    _act(ref, "status", {"status": status}, as_json=as_json)


@incident.command()
@_ref
@click.argument("emails", nargs=-1, required=True)
@json_option
def reassign(*, ref: str, emails: tuple[str, ...], as_json: bool) -> None:
    """Give it to these people: they are called at once."""
    _act(ref, "reassign", {"emails": list(emails)}, as_json=as_json)


@incident.command()
@_ref
@click.option("--for", "duration", help="For this long: 30m, 2h …")
@click.option("--until", help="Until an instant such as 2026-12-01T09:00Z.")
@json_option
def snooze(*, ref: str, duration: str | None, until: str | None, as_json: bool) -> None:
    """Be quiet for a while, or until it gets worse."""
    if (duration is None) == (until is None):
        raise click.UsageError("Give --for or --until.")
    _act(ref, "snooze", {"duration": duration} if duration else {"until": until}, as_json=as_json)


@incident.command(name="help")
@_ref
@click.option("--user", help="Call this person.")
@click.option("--team", help="Call this team.")
@click.option("--schedule", help="Call whoever is on call there.")
@click.option("--text", default="", help="What you need them for.")
@_urgency
@json_option
def ask_help(
    *,
    ref: str,
    user: str | None,
    team: str | None,
    schedule: str | None,
    text: str,
    urgency: str | None,
    as_json: bool,
) -> None:
    """Call somebody beside those who have it."""
    body = {**_one_of(user, team, schedule), "text": text, **_loud(urgency)}
    _act(ref, "help", body, as_json=as_json)


@incident.command()
@_ref
@_person
@json_option
def follow(*, ref: str, person: str | None, as_json: bool) -> None:
    """Get updates of it, and no more pages than before."""
    body = {"email": person} if person else {}
    answer = client.call("POST", f"/api/v1/incidents/{client.segment(ref)}/followers", body=body)
    _followers(answer, as_json=as_json)


@incident.command()
@_ref
@_person
@json_option
def unfollow(*, ref: str, person: str | None, as_json: bool) -> None:
    """Get no more updates of it."""
    if person is None:
        answer = client.call("DELETE", f"/api/v1/me/following/incident/{client.segment(ref)}")
    else:
        path = f"/api/v1/incidents/{client.segment(ref)}/followers/{client.segment(person)}"
        answer = client.call("DELETE", path)
    _followers(answer, as_json=as_json)


@incident.command()
@_ref
@click.option("--person", help="Only this one (an e-mail), also somebody nobody thought of.")
@json_option
def why(*, ref: str, person: str | None, as_json: bool) -> None:
    """Why each person was called, or was not, and what became of each message."""
    answer = client.call("GET", f"/api/v1/incidents/{client.segment(ref)}/why", params={"person": person})
    if as_json:
        print_json(answer)
        return
    for row in answer["items"]:
        _explain(row)
    if not answer["items"]:
        click.echo("Nobody was called, and nobody was passed over.")


@incident.command()
@_ref
@click.option("--into", required=True, help="The incident that goes on.")
@json_option
def merge(*, ref: str, into: str, as_json: bool) -> None:
    """This incident and another are one."""
    _act(ref, "merge", {"into": into}, as_json=as_json)


@incident.command()
@_ref
@click.argument("alerts", nargs=-1, required=True, type=int)
@json_option
def split(*, ref: str, alerts: tuple[int, ...], as_json: bool) -> None:
    """Make a new incident of these alerts (their ids, as `alert list` says); their repeats go there too."""
    _act(ref, "split", {"alerts": list(alerts)}, as_json=as_json)


@click.command()
@click.option("--user", help="Call this person.")
@click.option("--team", help="Call this team.")
@click.option("--schedule", help="Call whoever is on call there.")
@click.option("--service", help="What it is about, if it is about one.")
@_urgency
@click.option("--text", default="", help="More than fits a line.")
@click.argument("title")
@json_option
def page(
    *,
    user: str | None,
    team: str | None,
    schedule: str | None,
    service: str | None,
    urgency: str | None,
    text: str,
    title: str,
    as_json: bool,
) -> None:
    """Call a person, a team or a schedule now: an incident for which only they are called."""
    body = {**_one_of(user, team, schedule), "title": title, "text": text, **_loud(urgency)}
    if service:
        body["service"] = service
    answer = client.call("POST", "/api/v1/pages", body=body)
    _show(answer, as_json=as_json)
    if not as_json:
        click.echo(f"  called: {', '.join(answer.get('assigned', ())) or 'nobody could be reached'}")


def _loud(urgency: str | None) -> dict[str, Any]:
    return {"urgency": urgency} if urgency else {}


def _explain(row: dict[str, Any]) -> None:
    click.echo(f"{row['name']} <{row['email']}>: {row['verdict']}")
    for reason in row["reasons"]:
        click.echo(f"  {reason}")
    for each in row["decisions"]:
        click.echo(f"  {each['at']}  {each['kind']}: {each['text']}")
    for one in (one for call in row["calls"] for one in call["messages"]):
        words = (one["via"], one["address"], one["state"], one["at"], one["text"])
        click.echo(f"    {'  '.join(word for word in words if word)}")


def _followers(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    rows = [(row["email"], row["of"], row["name"], row["since"]) for row in answer["items"]]
    print_table(("WHO", "FOLLOWS", "NAME", "SINCE"), rows)


def _one_of(user: str | None, team: str | None, schedule: str | None) -> dict[str, Any]:
    given = {"user": user, "team": team, "schedule": schedule}
    chosen = {key: value for key, value in given.items() if value}
    if len(chosen) != 1:
        raise click.UsageError("Give one of --user, --team and --schedule.")
    return chosen


@click.group()
def alert() -> None:
    """What the tools say."""


@alert.command(name="list")
@click.option("--status", type=click.Choice(["firing", "resolved"]), help="Absent: both.")
@click.option("--service", help="Of this service only.")
@click.option("--integration", help="From this integration only.")
@click.option("--search", help="In the summary or the dedup key.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 200))
@json_option
def list_alerts(
    *,
    status: str | None,
    service: str | None,
    integration: str | None,
    search: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Alerts, the newest first."""
    params = {
        "status": status,
        "service": service,
        "integration": integration,
        "search": search,
        "limit": str(limit),
    }
    answer = client.call("GET", "/api/v1/alerts", params=params)
    if as_json:
        print_json(answer)
        return
    columns = ("id", "status", "severity", "service", "summary", "count")
    rows = [tuple(row.get(column) for column in columns) for row in answer["items"]]
    print_table([column.upper() for column in columns], rows)


def _act(ref: str, verb: str, body: dict[str, Any], *, as_json: bool) -> None:
    _show(client.call("POST", f"/api/v1/incidents/{client.segment(ref)}/{verb}", body=body), as_json=as_json)


def _show(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    click.echo(f"{answer['ref']}  {answer['severity']}  {answer['status']}  {answer['title']}")
    for label, key in (
        ("service", "service"),
        ("declared", "declared_at"),
        ("acknowledged", "acknowledged_at"),
    ):
        if answer.get(key):
            click.echo(f"  {label}: {answer[key]}")
    if answer.get("noted"):
        click.echo(f"  {answer['noted']}")
    click.echo(f"  {client.link('/incidents/' + client.segment(str(answer['ref'])))}")
