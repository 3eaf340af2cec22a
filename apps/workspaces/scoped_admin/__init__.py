"""The one base of every screen: scoped lists on the admin machinery, guarded pages of our own.

Owns who may open a portal page and what a list may show; refuses writes (views call services) and knows no
model but the membership. Source: rulings A6, A12; ux.md 2b.
"""

from . import cells, styleguide_samples
from .guards import (
    Fresh,
    Need,
    RoleDoesNotAllow,
    Scope,
    may,
    membership_of,
    portal_page,
    scope_on,
    support_page,
    workspace_page,
)
from .links import root_url, scope_url
from .lists import ByDate
from .model_admin import DeclaredOnlyAdmin, InOtherMode, ScopedModelAdmin, SupportModelAdmin
from .once import once_only, take_ticket
from .pages import Crumb, field_errors, render_page

__all__ = [
    "ByDate",
    "Crumb",
    "DeclaredOnlyAdmin",
    "Fresh",
    "InOtherMode",
    "Need",
    "RoleDoesNotAllow",
    "Scope",
    "ScopedModelAdmin",
    "SupportModelAdmin",
    "cells",
    "field_errors",
    "may",
    "membership_of",
    "once_only",
    "portal_page",
    "render_page",
    "root_url",
    "scope_on",
    "scope_url",
    "styleguide_samples",
    "support_page",
    "take_ticket",
    "workspace_page",
]
