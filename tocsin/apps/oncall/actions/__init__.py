"""What people and files do to the rota. Every door calls these and nothing else."""

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
    "add_correction",
    "add_override",
    "approve_swap",
    "cancel_swap",
    "confirm_readiness",
    "decline_swap",
    "delete_rotation",
    "delete_schedule",
    "expire_swaps",
    "move_override",
    "remove_override",
    "request_swap",
    "save_rotations",
    "save_schedule",
    "set_notices",
    "take_shift",
    "take_swap",
    "unlock",
    "withdraw_correction",
    "withdraw_swap",
]
