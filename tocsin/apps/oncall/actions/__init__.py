"""What people and files do to the rota. Every door calls these and nothing else."""

from tocsin.apps.oncall.actions.absences import add_absence, remove_absence
from tocsin.apps.oncall.actions.calendars import (
    add_calendar,
    edit_calendar,
    read_calendar_now,
    remove_calendar,
)
from tocsin.apps.oncall.actions.feeds import make_feed, renew_feed, revoke_feed
from tocsin.apps.oncall.actions.notices import set_notices
from tocsin.apps.oncall.actions.overrides import add_override, move_override, remove_override
from tocsin.apps.oncall.actions.pay import add_correction, withdraw_correction
from tocsin.apps.oncall.actions.readiness import confirm_readiness
from tocsin.apps.oncall.actions.rotations import delete_rotation, save_rotations
from tocsin.apps.oncall.actions.schedules import delete_schedule, save_schedule, unlock
from tocsin.apps.oncall.actions.swaps import (
    accept_swap,
    approve_swap,
    cancel_swap,
    decline_swap,
    expire_swaps,
    request_swap,
    take_shift,
    take_swap,
    withdraw_swap,
)

__all__ = [
    "accept_swap",
    "add_absence",
    "add_calendar",
    "add_correction",
    "add_override",
    "approve_swap",
    "cancel_swap",
    "confirm_readiness",
    "decline_swap",
    "delete_rotation",
    "delete_schedule",
    "edit_calendar",
    "expire_swaps",
    "make_feed",
    "move_override",
    "read_calendar_now",
    "remove_absence",
    "remove_calendar",
    "remove_override",
    "renew_feed",
    "request_swap",
    "revoke_feed",
    "save_rotations",
    "save_schedule",
    "set_notices",
    "take_shift",
    "take_swap",
    "unlock",
    "withdraw_correction",
    "withdraw_swap",
]
