"""Addresses across the scope's edge: from a scoped page to the root, and from the root into a scope.

Inside a scope every `reverse()` carries `/w/<workspace>/a/<application>`; these two take it off or put it on.
"""

from __future__ import annotations

import re

from django.urls import get_script_prefix, reverse

SCOPE = re.compile(r"w/[a-z0-9-]+/a/[a-z0-9-]+/$")


def root_url(name: str, *args: object) -> str:
    """Return the address of a page outside any scope, from wherever we are."""
    return _root() + reverse(name, args=args)[len(get_script_prefix()) :]


def scope_url(workspace_slug: str, application_slug: str, mode: str, name: str = "index", *args: object) -> str:
    """Return the address of a portal page of one application and mode, from wherever we are."""
    path = reverse(f"{mode}:{name}", args=args)[len(get_script_prefix()) :]
    return f"{_root()}w/{workspace_slug}/a/{application_slug}/{path}"


def _root() -> str:
    return SCOPE.sub("", get_script_prefix())
