"""Who follows what, on any page: `{% followers "service" service.name %}` and `{% following email %}`."""

from django import template
from django.template.context import Context

from tocsin.apps.identity import queries as identity
from tocsin.apps.incidents import following as follows
from tocsin.apps.incidents.following import Of
from tocsin.domain.permissions import Permission, can
from tocsin.domain.severity import Severity
from tocsin.entrypoints.web.reader import reader

register = template.Library()


@register.inclusion_tag("parts/followers.html", takes_context=True)
def followers(context: Context, of: str, name: str) -> dict[str, object]:
    request = context["request"]
    known = reader(request)
    if known is None:
        return {"rows": ()}
    what = follows.find(Of(of), name)
    rows = follows.followers(what.of, what.name, actor=known.actor)
    teams = () if what.team_id is None else (what.team_id,)
    others = can(known.actor, Permission.EDIT_TEAM, teams)
    return {
        "rows": rows,
        "of": what.of,
        "name": what.name,
        "me": known.email,
        "mine": any(row.email == known.email and row.of == what.of for row in rows),
        "may_others": others,
        "people": identity.people() if others else (),
        "next": request.path,
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("parts/following.html", takes_context=True)
def following(context: Context, email: str) -> dict[str, object]:
    request = context["request"]
    known = reader(request)
    if known is None:
        return {"rows": ()}
    rows = follows.following(email, actor=known.actor)
    levels = {row.name for row in rows if row.of is Of.SEVERITY}
    return {
        "rows": rows,
        "own": known.email == email,
        "severities": [each for each in Severity if each not in levels],
        "next": request.path,
        "csrf_token": context.get("csrf_token"),
    }
