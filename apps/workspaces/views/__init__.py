"""Pages above any application: my workspaces, members, invitations, settings of a workspace, appearance."""

from .account import change_appearance, styleguide
from .home import create, home
from .invitations import accept, invite, resend, withdraw
from .members import leave, members, remove, set_role
from .settings import change_second_factor_rule, rename, settings_page

__all__ = [
    "accept",
    "change_appearance",
    "change_second_factor_rule",
    "create",
    "home",
    "invite",
    "leave",
    "members",
    "remove",
    "rename",
    "resend",
    "set_role",
    "settings_page",
    "styleguide",
    "withdraw",
]
