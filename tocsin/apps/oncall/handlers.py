"""What on-call hears; `config.subscriptions` wires it."""

from tocsin.apps.oncall.actions import leaving
from tocsin.apps.oncall.models import Schedule
from tocsin.domain.errors import Conflict
from tocsin.ports.events import Going, Leaving


def on_going(news: Going) -> None:
    if news.kind != "team":
        return
    names = Schedule.objects.filter(team__name=news.name).order_by("name").values_list("name", flat=True)
    if names:
        raise Conflict(f"Team “{news.name}” still owns the schedules: {', '.join(names)}.")


def on_leaving(news: Leaving) -> None:
    leaving.leave(news)
