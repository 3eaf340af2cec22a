"""Writes on workspaces, members and invitations; each with its audit event and its mails in one transaction."""

from .invitations import (
    AlreadyInvited,
    InvitationClosed,
    SentJustNow,
    TooManyInvitations,
    WrongPerson,
    accept_invitation,
    invite_member,
    resend_invitation,
    withdraw_invitation,
)
from .members import AlreadyMember, LastOwner, add_member, change_role, remove_member
from .workspaces import (
    OwnFactorMissing,
    create_workspace,
    rename_workspace,
    require_second_factor,
    stop_requiring_second_factor,
)

__all__ = [
    "AlreadyInvited",
    "AlreadyMember",
    "InvitationClosed",
    "LastOwner",
    "OwnFactorMissing",
    "SentJustNow",
    "TooManyInvitations",
    "WrongPerson",
    "accept_invitation",
    "add_member",
    "change_role",
    "create_workspace",
    "invite_member",
    "remove_member",
    "rename_workspace",
    "require_second_factor",
    "resend_invitation",
    "stop_requiring_second_factor",
    "withdraw_invitation",
]
