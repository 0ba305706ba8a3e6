"""Everything that changes how, and whether, people are told."""

from tocsin.apps.notify.actions.calling import call, call_many, stop, stop_repeats, tell
from tocsin.apps.notify.actions.people import (
    add_method,
    remove_method,
    save_person,
    send_code,
    send_test,
    set_default_rules,
    set_method_enabled,
    set_quiet_hours,
    set_rules,
    verify_method,
)

__all__ = [
    "add_method",
    "call",
    "call_many",
    "remove_method",
    "save_person",
    "send_code",
    "send_test",
    "set_default_rules",
    "set_method_enabled",
    "set_quiet_hours",
    "set_rules",
    "stop",
    "stop_repeats",
    "tell",
    "verify_method",
]
