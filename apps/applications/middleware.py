"""The path says where you are: `/w/<workspace>/a/<application>/<test|live>/…`.

Moves that prefix from `path_info` to the script prefix, so that every `reverse()` of the admin machinery
carries it (tried: ux.md 2b), and puts a frozen `Scope` on the request. Unknown workspace, application or
no membership: 404, the same for all three.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import get_script_prefix, set_script_prefix

from apps.workspaces.models import Membership, Role

from .keys import Mode
from .models import Application

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


class ScopeMiddleware:
    """Before routing: move the prefix. Keeps no database access, so statics and health stay cheap."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.scope_path = None  # type: ignore[attr-defined]
        request.scope = None  # type: ignore[attr-defined]
        match = PREFIX.match(request.path_info)
        before = get_script_prefix()
        try:
            if match:
                self._move(request, match)
            return self.get_response(request)
        finally:
            set_script_prefix(before)  # a thread serves other requests after this one

    def _move(self, request: HttpRequest, match: re.Match[str]) -> None:
        request.scope_path = match.groupdict()  # type: ignore[attr-defined]
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
        path: dict[str, str] | None = request.scope_path  # type: ignore[attr-defined]
        if path is None or not request.user.is_authenticated:
            return None  # the site's own sign-in redirect answers strangers
        request.scope = find_scope(user_id=request.user.pk, path=path)  # type: ignore[attr-defined]
        if request.scope is None:  # type: ignore[attr-defined]
            raise Http404
        return None


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
    )
