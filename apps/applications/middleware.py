"""The path says where you are: `/w/<workspace>/a/<application>/<test|live>/…`.

Moves that prefix from `path_info` to the script prefix, so that every `reverse()` of the admin machinery
carries it (tried: ux.md 2b), and puts a frozen `Scope` on the request. Unknown workspace, application or
no membership: 404, the same for all three.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import get_script_prefix, set_script_prefix

from apps.workspaces.models import Membership, Role
from apps.workspaces.scoped_admin.guards import lead_to_second_factor
from apps.workspaces.selectors import has_second_factor

from .keys import Mode
from .models import Application
from .problems import problem_response

PREFIX = re.compile(r"^/w/(?P<workspace>[a-z0-9-]+)/a/(?P<application>[a-z0-9-]+)(?=/(?P<mode>test|live)/)")


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a portal request is, and what its person may do there."""

    workspace_id: UUID
    workspace_slug: str
    workspace_name: str
    application_id: UUID
    application_slug: str
    application_name: str
    mode: Mode
    role: Role
    requires_second_factor: bool

    @property
    def may_write(self) -> bool:
        return self.role in (Role.OWNER, Role.ADMIN, Role.DEVELOPER)

    @property
    def may_administer(self) -> bool:
        return self.role in (Role.OWNER, Role.ADMIN)

    @property
    def base(self) -> str:
        return f"/w/{self.workspace_slug}/a/{self.application_slug}"


Handler = Callable[[HttpRequest], HttpResponse]


class PlacedRequest(HttpRequest):
    """A request behind these middlewares. For the type checker only: nothing makes one."""

    scope_path: dict[str, str] | None
    scope: Scope | None


def placed(request: HttpRequest) -> PlacedRequest:
    """Return the same request, typed with what these middlewares have put on it."""
    return cast("PlacedRequest", request)


def scope_of(request: HttpRequest) -> Scope:
    """Return where a portal request is. Raises: Http404 outside any scope."""
    scope = placed(request).scope
    if scope is None:
        raise Http404
    return scope


class ScopeMiddleware:
    """Before routing: move the prefix. Keeps no database access, so statics and health stay cheap."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        placed(request).scope_path = None
        placed(request).scope = None
        match = PREFIX.match(request.path_info)
        before = get_script_prefix()
        try:
            if match:
                self._move(request, match)
            return self.get_response(request)
        finally:
            set_script_prefix(before)  # a thread serves other requests after this one

    def _move(self, request: HttpRequest, match: re.Match[str]) -> None:
        placed(request).scope_path = match.groupdict()
        prefix = request.META.get("SCRIPT_NAME", "").rstrip("/") + match[0]
        request.path_info = request.META["PATH_INFO"] = request.path_info[match.end() :]
        request.META["SCRIPT_NAME"] = prefix
        set_script_prefix(prefix)


class ScopeAccessMiddleware:
    """After authentication: look the scope up for this person, or 404."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        path = placed(request).scope_path
        if path is None or not request.user.is_authenticated:
            return None  # the site's own sign-in redirect answers strangers
        scope = find_scope(user_id=request.user.pk, path=path)
        if scope is None:
            raise Http404
        if scope.requires_second_factor and not has_second_factor(request.user.pk):
            return _refuse_without_factor(request, scope)
        placed(request).scope = scope
        return None


def _refuse_without_factor(request: HttpRequest, scope: Scope) -> HttpResponse:
    if request.path_info.startswith(f"/{scope.mode}/api/v1/"):
        detail = "This workspace asks its members for a second factor. Set one up in the portal first."
        return problem_response(request, status=403, code="second_factor_needed", detail=detail)
    return lead_to_second_factor(request, scope.workspace_name)


def find_scope(*, user_id: UUID, path: dict[str, str]) -> Scope | None:
    membership = (
        Membership.objects.filter(user=user_id, workspace__slug=path["workspace"]).select_related("workspace").first()
    )
    if membership is None:
        return None
    application = Application.objects.filter(workspace=membership.workspace, slug=path["application"]).first()
    if application is None:
        return None
    workspace = membership.workspace
    return Scope(
        workspace_id=workspace.id,
        workspace_slug=workspace.slug,
        workspace_name=workspace.name,
        application_id=application.id,
        application_slug=application.slug,
        application_name=application.name,
        mode=Mode(path["mode"]),
        role=Role(membership.role),
        requires_second_factor=workspace.requires_second_factor,
    )
