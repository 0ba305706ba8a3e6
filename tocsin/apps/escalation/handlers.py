"""What escalation hears; `config.subscriptions` wires it."""

from tocsin.apps.escalation import actions
from tocsin.ports.events import PersonUnreachable


def on_person_unreachable(news: PersonUnreachable) -> None:
    actions.unreachable(call_out_id=news.call_out_id, email=news.email, now=news.at)
