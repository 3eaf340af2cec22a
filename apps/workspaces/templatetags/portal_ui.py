"""The layout's tags: icons, tags, moments, addresses, the rail, the switches of place and mode."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString

from ..models import Workspace
from ..scoped_admin import cells
from ..scoped_admin.links import root_url as make_root_url
from ..scoped_admin.links import scope_url as make_scope_url
from ..scoped_admin.preferences import PREFERENCES, read_preferences

register = template.Library()
register.simple_tag(cells.icon, name="icon")
register.filter("state_tag", cells.state_tag)
register.filter("state_word", cells.state_word)
register.filter("code", cells.code)
register.filter("object_name", cells.object_name)
register.filter("file_size", cells.file_size)
register.filter("words", cells.words)

# text, icon, name of the page in its site, the letter that follows "g" on the keyboard
Entry = tuple[str, str, str, str]
Groups = tuple[tuple[str, tuple[Entry, ...]], ...]
PORTAL_RAIL: Groups = (
    (
        "Set up",
        (
            ("Overview", "gauge", "index", "o"),
            ("API keys", "key", "applications_apikey_changelist", "k"),
            ("Destinations", "cloud", "destinations_destination_changelist", "d"),
        ),
    ),
    (
        "Watch",
        (
            ("Authorizations", "shield", "authorizations_patientauthorization_changelist", "a"),
            ("Sync jobs", "activity", "syncs_syncjob_changelist", "j"),
            ("Deliveries", "send", "destinations_delivery_changelist", "v"),
        ),
    ),
)
SUPPORT_RAIL: Groups = (
    (
        "Customers",
        (
            ("Overview", "gauge", "index", "o"),
            ("Live access", "shield", "applications_liveaccessrequest_changelist", "l"),
            ("Workspaces", "users", "workspaces_workspace_changelist", "w"),
            ("Applications", "building", "applications_application_changelist", "p"),
        ),
    ),
    (
        "Machinery",
        (
            ("Sync jobs", "activity", "syncs_syncjob_changelist", "j"),
            ("Deliveries", "send", "destinations_delivery_changelist", "v"),
            ("Endpoints", "database", "directory_endpoint_changelist", "e"),
            ("Mails", "mail", "mails_mail_changelist", "i"),
            ("Audit log", "scroll", "audit_auditevent_changelist", "u"),
        ),
    ),
)
NONE_WAITING: Mapping[str, int] = {}
# Beginnings of the names of the members page and the pages below it.
MEMBER_PAGES = ("workspace_member", "workspace_invit", "workspace_leave", "workspace_second_factor")
# text, icon, name of the page, beginnings of the names of the pages below it
ACCOUNT_RAIL = (
    ("My workspaces", "building", "home", ()),
    ("E-mail addresses", "mail", "account_email", ("account_email", "account_confirm_email")),
    ("Password", "lock", "account_change_password", ("account_change_password", "account_set_password")),
    ("Two-factor sign-in", "fingerprint", "mfa_index", ("mfa_",)),
    ("Appearance", "palette", "appearance", ("appearance",)),
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


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the rail. `count` is what waits there for a person."""

    text: str
    icon: str
    address: str
    current: bool
    key: str = ""
    count: int = 0


Rail = list[tuple[str, list[Link]]]
# Lists without an entry of their own, and whose entry stands for them.
ON_THE_WAY = {"bulkaction": ["destinations", "delivery"]}
AUDIT_PAGES = ("workspace_audit", "audit_auditevent_change")


@register.simple_tag(takes_context=True)
def rail_groups(context: dict[str, Any]) -> Rail:
    """Give the left navigation of wherever the request is; empty where there is none."""
    request: HttpRequest | None = context.get("request")
    match = request.resolver_match if request else None
    here = (match.url_name or "") if match else ""
    scope = getattr(request, "scope", None)
    if scope is not None:
        team = _team_rail(scope.workspace_slug, str(scope.mode), here)
        return [*_site_rail(str(scope.mode), PORTAL_RAIL, here), ("Team", team)]
    if match is not None and match.namespace == "support":
        user = context.get("user")
        if user is None or not user.is_staff:
            return []
        return _site_rail("support", SUPPORT_RAIL, here, context["count_waiting"]())
    if getattr(request, "membership", None) is not None:
        return _workspace_rail(request, here)
    if any(here.startswith(each) for _, _, _, below in ACCOUNT_RAIL for each in below):
        return _account_rail(context, here)
    return []


def _site_rail(site: str, groups: Groups, here: str, counts: Mapping[str, int] = NONE_WAITING) -> Rail:
    return [
        (
            title,
            [
                Link(text, icon, reverse(f"{site}:{name}"), _same(here, name), key, counts.get(name, 0))
                for text, icon, name, key in entries
            ],
        )
        for title, entries in groups
    ]


def _team_rail(workspace: str, site: str, here: str) -> list[Link]:
    audit, own = "audit_auditevent_changelist", "settings"
    return [
        Link("Members", "users", make_root_url("workspace_members", workspace), False, "m"),
        Link("Audit log", "scroll", reverse(f"{site}:{audit}"), _same(here, audit), "u"),
        Link("Settings", "gear", reverse(f"{site}:{own}"), here.startswith(own), "s"),
    ]


def _workspace_rail(request: Any, here: str) -> Rail:
    workspace = request.membership.workspace
    entries = [
        Link("Applications", "building", make_root_url("home"), False),
        Link("Members", "users", make_root_url("workspace_members", workspace.slug), here.startswith(MEMBER_PAGES)),
        Link("Audit log", "scroll", make_root_url("workspace_audit", workspace.slug), here in AUDIT_PAGES),
        Link("Settings", "gear", make_root_url("workspace_settings", workspace.slug), here == "workspace_settings"),
    ]
    return [(workspace.name, entries)]


def _account_rail(context: dict[str, Any], here: str) -> Rail:
    user = context.get("user")
    if user is None or not user.is_authenticated or "authenticate" in here:
        return []
    entries = [
        Link(text, icon, make_root_url(name), any(here.startswith(each) for each in below))
        for text, icon, name, below in ACCOUNT_RAIL
    ]
    return [("My account", entries)]


def _same(here: str, name: str) -> bool:
    """Whether a page is of the same list: `<app>_<model>_<page>`."""
    own = here.split("_")[:2]
    return here == name or (name != "index" and ON_THE_WAY.get(own[-1], own) == name.split("_")[:2])


@register.simple_tag(takes_context=True)
def places(context: dict[str, Any]) -> list[Workspace]:
    """Give the person's workspaces with their applications, for the switch in the header."""
    mine = Workspace.objects.filter(memberships__user=context["user"].pk).prefetch_related("applications")
    return list(mine.order_by("name", "pk")[:20])


@register.simple_tag(takes_context=True)
def appearance(context: dict[str, Any]) -> dict[str, str]:
    """Give how this person wants pages to look."""
    request: HttpRequest | None = context.get("request")
    return read_preferences(request) if request else {name: offered[0] for name, offered in PREFERENCES.items()}


@register.simple_tag(takes_context=True)
def other_mode(context: dict[str, Any], mode: str) -> str:
    """Give this page in the other mode; for an object, its list there (nothing is carried over)."""
    match = context["request"].resolver_match
    name = (match.url_name if match else "") or "index"  # a download has no name
    for candidate in (name if match and not match.kwargs else "", f"{name.rpartition('_')[0]}_changelist"):
        try:
            return reverse(f"{mode}:{candidate}")
        except NoReverseMatch:
            continue
    return reverse(f"{mode}:index")
