"""Who may open a page: decorators of our own views, one rule for what each role may do.

Shape: outside the workspace 404, inside it without the right 403; never a hint to strangers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any, Protocol, cast
from urllib.parse import urlencode
from uuid import UUID

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

from ..models import Membership, Role
from ..selectors import has_second_factor
from .links import root_url

View = Callable[..., HttpResponse]
Decorator = Callable[[View], View]


class Scope(Protocol):
    """What the path middleware puts on a portal request (`apps.applications.middleware.Scope`)."""

    @property
    def workspace_id(self) -> UUID: ...
    @property
    def workspace_slug(self) -> str: ...
    @property
    def workspace_name(self) -> str: ...
    @property
    def application_id(self) -> UUID: ...
    @property
    def application_slug(self) -> str: ...
    @property
    def application_name(self) -> str: ...
    @property
    def mode(self) -> Any: ...
    @property
    def role(self) -> Role: ...


class GuardedRequest(HttpRequest):
    """A request behind the middleware and these guards. For the type checker only: nothing makes one."""

    scope: Scope | None
    membership: Membership


def scope_on(request: HttpRequest) -> Scope:
    """Return the scope that the path middleware has put on a portal request. Raises: Http404 outside any."""
    scope = cast("GuardedRequest", request).scope
    if scope is None:
        raise Http404
    return scope


def membership_of(request: HttpRequest) -> Membership:
    """Return the person's membership on a `workspace_page`."""
    return cast("GuardedRequest", request).membership


class Need(StrEnum):
    """What a page asks of a role: `GUARD` is a write that in live only owners and admins may do."""

    READ = "read"
    WRITE = "write"
    GUARD = "guard"
    ADMINISTER = "administer"


class Fresh(StrEnum):
    """When a page asks for a sign-in of the last minutes."""

    NEVER = "never"
    IN_LIVE = "in live"
    ALWAYS = "always"


WRITERS = (Role.OWNER, Role.ADMIN, Role.DEVELOPER)
ADMINISTRATORS = (Role.OWNER, Role.ADMIN)
OWNERS_ONLY = "Only an owner can make, change or remove an owner."


def may(role: str, need: Need, mode: str = "") -> bool:
    """Say whether `role` may do what asks for `need`, in `mode` if there is one."""
    if need is Need.READ:
        return True
    if need is Need.WRITE or (need is Need.GUARD and mode == "test"):
        return role in WRITERS
    return role in ADMINISTRATORS


def may_change(mine: Membership, member: Membership) -> bool:
    return mine.role == Role.OWNER or (may(mine.role, Need.ADMINISTER) and member.role != Role.OWNER)


def grantable(mine: Membership) -> list[Role]:
    """Return the roles that this person may give to others."""
    return [role for role in Role if role != Role.OWNER or mine.role == Role.OWNER]


class RoleDoesNotAllow(PermissionDenied):
    """Names the role that a person has and those that would do."""

    def __init__(self, need: Need, role: str, mode: str = "") -> None:
        self.role = Role(role).label
        self.enough = [each.label for each in Role if may(each, need, mode)]
        super().__init__(f"Your role in this workspace does not allow this. It needs: {', '.join(self.enough)}.")


def portal_page(need: Need, *, methods: tuple[str, ...] = ("GET", "POST"), fresh: Fresh = Fresh.NEVER) -> Decorator:
    """Decorate a view below a site's `admin_view`; `fresh` asks for a recent sign-in."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: Any, **kwargs: Any) -> HttpResponse:
            scope = scope_on(request)
            if not may(scope.role, need, str(scope.mode)):
                raise RoleDoesNotAllow(need, scope.role, str(scope.mode))
            asks = fresh is Fresh.ALWAYS or (fresh is Fresh.IN_LIVE and scope.mode == "live")
            return _answer(view, request, methods, asks, *args, **kwargs)

        return answers_to(methods, guarded)

    return decorate


def workspace_page(need: Need, *, methods: tuple[str, ...] = ("GET",), fresh: Fresh = Fresh.NEVER) -> Decorator:
    """Decorate a view of `/w/<workspace>/…` outside any application: `request.membership` is the person's."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, /, workspace: str, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), root_url("account_login"))
            member = Membership.objects.filter(user=request.user.pk, workspace__slug=workspace)
            found = member.select_related("workspace").first()
            if found is None:
                raise Http404
            if found.workspace.requires_second_factor and not has_second_factor(request.user.pk):
                return lead_to_second_factor(request, found.workspace.name)
            cast("GuardedRequest", request).membership = found
            if not may(found.role, need):
                raise RoleDoesNotAllow(need, found.role)
            response = _answer(view, request, methods, fresh is Fresh.ALWAYS, *args, **kwargs)
            add_never_cache_headers(response)
            return response

        return answers_to(methods, guarded)

    return decorate


def support_page(*, methods: tuple[str, ...] = ("GET", "POST")) -> Decorator:
    """Decorate a view below the console's `admin_view`, which has checked staff and second factor."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: Any, **kwargs: Any) -> HttpResponse:
            return _answer(view, request, methods, False, *args, **kwargs)

        return answers_to(methods, guarded)

    return decorate


def takes(*methods: str) -> Decorator:
    """Decorate a page outside any workspace with the methods that it takes."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: Any, **kwargs: Any) -> HttpResponse:
            return _answer(view, request, methods, False, *args, **kwargs)

        return answers_to(methods, guarded)

    return decorate


def lead_to_second_factor(request: HttpRequest, workspace_name: str) -> HttpResponse:
    """Send a member whom the workspace's rule keeps out to where a factor is set up."""
    messages.warning(
        request,
        f"{workspace_name} asks its members for a second factor, and you have none yet. Set up an authenticator app"
        " or a passkey here; then the workspace opens again.",
    )
    return HttpResponseRedirect(root_url("mfa_index"))


def answers_to(methods: tuple[str, ...], view: View) -> View:
    """Note on a view which methods it takes, for those who list pages."""
    view.methods = methods  # type: ignore[attr-defined]
    return view


def _answer(
    view: View,
    request: HttpRequest,
    methods: tuple[str, ...],
    fresh: bool,
    *args: Any,
    **kwargs: Any,
) -> HttpResponse:
    if request.method not in methods and not (request.method == "HEAD" and "GET" in methods):
        return not_allowed(request, methods)
    if fresh and not signed_in_recently(request):
        return HttpResponseRedirect(f"{root_url('account_reauthenticate')}?{urlencode({'next': _way_back(request)})}")
    return view(request, *args, **kwargs)


def not_allowed(request: HttpRequest, methods: tuple[str, ...]) -> HttpResponse:
    """Answer 405 with a page that leads on."""
    refused = HttpResponseNotAllowed(methods)
    refused.content = render(request, "405.html").content
    return refused


def signed_in_recently(request: HttpRequest) -> bool:
    """Whether this session gave a password or passkey within `ACCOUNT_REAUTHENTICATION_TIMEOUT`."""
    records = get_authentication_records(request, request.user)
    return bool(records) and time.time() - records[-1]["at"] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def _way_back(request: HttpRequest) -> str:
    # A POST cannot be taken up again after the password: the person returns to the page with the button.
    return request.get_full_path() if request.method == "GET" else request.POST.get("back") or request.path
