"""Everything that changes how, and whether, people are told."""

from tocsin.apps.notify.actions.calling import call, call_many, stop, stop_repeats, tell
from tocsin.apps.notify.actions.methods import (
    add_method,
    order_methods,
    remove_method,
    send_code,
    set_method_enabled,
    verify_method,
)
from tocsin.apps.notify.actions.people import (
    save_person,
    set_default_rules,
    set_quiet_hours,
    set_rules,
)
from tocsin.apps.notify.actions.receipts import progress
from tocsin.apps.notify.actions.rooms import post_many
from tocsin.apps.notify.actions.stopping import start_method, stop_method
from tocsin.apps.notify.actions.throttles import set_all_throttles, set_throttles
from tocsin.apps.notify.actions.trying import send_rest, send_test, test_method

__all__ = [
    "add_method",
    "call",
    "call_many",
    "order_methods",
    "post_many",
    "progress",
    "remove_method",
    "save_person",
    "send_code",
    "send_rest",
    "send_test",
    "set_all_throttles",
    "set_default_rules",
    "set_method_enabled",
    "set_quiet_hours",
    "set_rules",
    "set_throttles",
    "start_method",
    "stop",
    "stop_method",
    "stop_repeats",
    "tell",
    "test_method",
    "verify_method",
]
