"""What people do to incidents. Every door (pages, API, links in mails, chat) calls these and nothing else."""

from tocsin.apps.incidents.actions.calling import (
    acknowledge,
    ask_help,
    escalate,
    page,
    reassign,
    respond,
    seen,
    snooze,
    take_over,
    unsnooze,
)
from tocsin.apps.incidents.actions.declaring import declare
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

__all__ = [
    "acknowledge",
    "ask_help",
    "declare",
    "edit",
    "escalate",
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
    "unsnooze",
]
