"""What people and files do to the rota. Every door calls these and nothing else."""

from tocsin.apps.oncall.actions.notices import set_notices
from tocsin.apps.oncall.actions.overrides import add_override, move_override, remove_override
from tocsin.apps.oncall.actions.pay import add_correction, withdraw_correction
from tocsin.apps.oncall.actions.readiness import confirm_readiness
from tocsin.apps.oncall.actions.rotations import delete_rotation, save_rotations
from tocsin.apps.oncall.actions.schedules import delete_schedule, save_schedule, unlock

__all__ = [
    "add_correction",
    "add_override",
    "confirm_readiness",
    "delete_rotation",
    "delete_schedule",
    "move_override",
    "remove_override",
    "save_rotations",
    "save_schedule",
    "set_notices",
    "unlock",
    "withdraw_correction",
]
