"""The layout's tags: icons, tags, moments, addresses, the rail and the mode switch."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template
from django.contrib.admin.views.main import PAGE_VAR
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString

from ..scoped_admin import cells
from ..scoped_admin.links import root_url as make_root_url
from ..scoped_admin.links import scope_url as make_scope_url

register = template.Library()
register.simple_tag(cells.icon, name="icon")
register.filter("state_tag", cells.state_tag)
register.filter("state_word", cells.state_word)
register.filter("code", cells.code)
register.filter("object_name", cells.object_name)
register.filter("file_size", cells.file_size)

Groups = tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]
PORTAL_RAIL: Groups = (
    (
        "Set up",
        (
            ("Overview", "gauge", "index"),
            ("API keys", "key", "applications_apikey_changelist"),
            ("Destinations", "cloud", "destinations_destination_changelist"),
        ),
    ),
    (
        "Watch",
        (
            ("Authorizations", "shield", "authorizations_patientauthorization_changelist"),
            ("Sync jobs", "activity", "syncs_syncjob_changelist"),
            ("Deliveries", "send", "destinations_delivery_changelist"),
        ),
    ),
)
SUPPORT_RAIL: Groups = (
    (
        "Customers",
        (
            ("Overview", "gauge", "index"),
            ("Live access", "shield", "applications_liveaccessrequest_changelist"),
            ("Workspaces", "users", "workspaces_workspace_changelist"),
            ("Applications", "gear", "applications_application_changelist"),
        ),
    ),
    (
        "Machinery",
        (
            ("Sync jobs", "activity", "syncs_syncjob_changelist"),
            ("Deliveries", "send", "destinations_delivery_changelist"),
            ("Endpoints", "cloud", "directory_endpoint_changelist"),
            ("Audit log", "scroll", "audit_auditevent_changelist"),
        ),
    ),
)


@register.filter
def moment(value: dt.datetime | None) -> SafeString | str:
    return cells.moment(value)


@register.simple_tag
def root_url(name: str, *args: object) -> str:
    """Give the address of a page outside any scope."""
    return make_root_url(name, *args)


@register.simple_tag
def scope_url(workspace: str, application: str, mode: str) -> str:
    """Give the overview of an application in one mode, from outside any scope."""
    return make_scope_url(workspace, application, mode)


@register.inclusion_tag("components/rail.html", takes_context=True)
def rail(context: dict[str, Any]) -> dict[str, Any]:
    """Draw the left navigation of wherever the request is."""
    request: HttpRequest = context["request"]
    match = request.resolver_match
    here = (match.url_name or "") if match else ""
    scope = context.get("scope")
    if scope is not None:
        site, groups = str(scope.mode), PORTAL_RAIL
    elif match is not None and match.namespace == "support":
        site, groups = "support", SUPPORT_RAIL
    else:
        return {"groups": _workspace_rail(context, here)}
    drawn = [
        (
            title,
            [(text, symbol, reverse(f"{site}:{name}"), _same(here, name)) for text, symbol, name in entries],
        )
        for title, entries in groups
    ]
    if scope is not None:
        drawn.append(("Team", _team_rail(scope.workspace_slug, str(scope.mode), here)))
    return {"groups": drawn}


def _team_rail(workspace: str, site: str, here: str) -> list[tuple[str, str, str, bool]]:
    audit, own = "audit_auditevent_changelist", "settings"
    return [
        ("Members", "users", make_root_url("workspace_members", workspace), False),
        ("Audit log", "scroll", reverse(f"{site}:{audit}"), _same(here, audit)),
        ("Settings", "gear", reverse(f"{site}:{own}"), here.startswith(own)),
    ]


def _workspace_rail(context: dict[str, Any], here: str) -> list[tuple[str, list[tuple[str, str, str, bool]]]]:
    membership = getattr(context["request"], "membership", None)
    if membership is None:
        return []
    slug = membership.workspace.slug
    entries = [
        ("Applications", "gauge", make_root_url("home"), False),
        ("Members", "users", make_root_url("workspace_members", slug), here == "workspace_members"),
        ("Audit log", "scroll", make_root_url("workspace_audit", slug), here == "workspace_audit"),
    ]
    return [(membership.workspace.name, entries)]


def _same(here: str, name: str) -> bool:
    return here == name or (name != "index" and here.rpartition("_")[0] == name.rpartition("_")[0])


@register.simple_tag(takes_context=True)
def other_mode(context: dict[str, Any], mode: str) -> str:
    """Give this page in the other mode; for an object, its list there (nothing is carried over)."""
    match = context["request"].resolver_match
    name = match.url_name if match else "index"
    for candidate in (name if match and not match.kwargs else "", f"{name.rpartition('_')[0]}_changelist"):
        try:
            return reverse(f"{mode}:{candidate}")
        except NoReverseMatch:
            continue
    return reverse(f"{mode}:index")


@register.simple_tag
def page_address(changes: Any, step: int) -> str:
    """Give the query of the page `step` pages on, filters kept."""
    return str(changes.get_query_string({PAGE_VAR: changes.page_num + step}))
