"""What people do to incidents. Every door (pages, API, links in mails, chat) calls these and nothing else."""

from tocsin.apps.incidents.actions.calling import (
    acknowledge,
    escalate,
    reassign,
    respond,
    seen,
    snooze,
    take_over,
    unsnooze,
)
from tocsin.apps.incidents.actions.declaring import declare
from tocsin.apps.incidents.actions.following import follow, unfollow
from tocsin.apps.incidents.actions.helping import accept_help, ask_help, decline_help, page
from tocsin.apps.incidents.actions.moving import (
    edit,
    merge,
    mitigate,
    note,
    reopen,
    resolve,
    set_severity,
    set_status,
)
from tocsin.apps.incidents.actions.together import Answered, acknowledge_all

__all__ = [
    "Answered",
    "accept_help",
    "acknowledge",
    "acknowledge_all",
    "ask_help",
    "declare",
    "decline_help",
    "edit",
    "escalate",
    "follow",
    "merge",
    "mitigate",
    "note",
    "page",
    "reassign",
    "reopen",
    "resolve",
    "respond",
    "seen",
    "set_severity",
    "set_status",
    "snooze",
    "take_over",
    "unfollow",
    "unsnooze",
]
