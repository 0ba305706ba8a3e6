"""What may be done to people, teams and tokens: each one transaction with the row and its audit entry."""

from tocsin.apps.identity.actions.access import (
    INVITATION_LASTS,
    accept_invitation,
    bootstrap_admin,
    invitation_link,
    invitation_token,
    open_invitation,
    signed_in,
)
from tocsin.apps.identity.actions.people import (
    deactivate_user,
    ensure_user,
    invite_user,
    reactivate_user,
    set_role,
    update_user,
)
from tocsin.apps.identity.actions.teams import (
    TeamForm,
    create_team,
    delete_team,
    save_team,
    set_team_admin,
    update_team,
)
from tocsin.apps.identity.actions.tokens import create_token, revoke_token

__all__ = [
    "INVITATION_LASTS",
    "TeamForm",
    "accept_invitation",
    "bootstrap_admin",
    "create_team",
    "create_token",
    "deactivate_user",
    "delete_team",
    "ensure_user",
    "invitation_link",
    "invitation_token",
    "invite_user",
    "open_invitation",
    "reactivate_user",
    "revoke_token",
    "save_team",
    "set_role",
    "set_team_admin",
    "signed_in",
    "update_team",
    "update_user",
]
