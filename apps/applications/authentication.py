"""Who may use the management API: the holder of a key, or a member in the portal's session.

Owns how a key or a membership becomes an access (application, mode, scopes, actor); refuses to echo a key.
Source: architecture D10 and section 3, rulings A11 and B9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import Http404
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import (
    AuthenticationFailed,
    MethodNotAllowed,
    NotAuthenticated,
    PermissionDenied,
)
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.audit.events import Actor, ActorKind
from apps.audit.request_facts import actor_behind, seen
from apps.workspaces.authentication import actor_of
from apps.workspaces.models import Role
from apps.workspaces.scoped_admin import Need, may
from apps.workspaces.scoped_admin.guards import signed_in_recently

from .keys import PREFIXES, SCOPES, KeyKind, Mode, Scope, parse_key
from .models import ApiKey, Application
from .selectors import BEFORE_ALL_KEYS, find_api_key
from .services import note_key_use

NEEDED = "Send a management key (mk_test_… or mk_live_…) as `Authorization: Bearer <key>`; a secret key may read."


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAccess:
    """What one request may touch: one application, one mode, these scopes; and who answers for it."""

    application: Application
    mode: Mode
    scopes: frozenset[Scope]
    actor: Actor
    holder: str  # for messages: "The secret key sk_test_…Ab3d" or "The role viewer"

    @property
    def is_person(self) -> bool:
        return self.actor.kind != ActorKind.KEY


class KeyPrincipal(AnonymousUser):
    """`request.user` of a request with a key: nobody's account, yet not a stranger."""

    @property
    def is_authenticated(self) -> Any:
        return True

    @property
    def is_anonymous(self) -> Any:
        return False


def member_scopes(role: Role, mode: Mode) -> frozenset[Scope]:
    """Return what a member may do here: what the portal guards in this mode, or reading only; and the team's."""
    team = {Scope.MEMBERS_WRITE} if may(role, Need.ADMINISTER) else set()
    if may(role, Need.GUARD, mode):
        return frozenset(SCOPES[KeyKind.MANAGEMENT]) | team
    return frozenset({Scope.RECORDS_READ}) | team


def access_of(request: Request) -> KeyAccess:
    """Return the access of an authenticated request."""
    access = request.auth
    if not isinstance(access, KeyAccess):
        raise NotAuthenticated(NEEDED)
    return access


class ManagementKeyAuthentication(BaseAuthentication):
    """A bearer key, which fixes application and mode."""

    def authenticate(self, request: Request) -> tuple[KeyPrincipal, KeyAccess]:
        """Raises: NotAuthenticated, AuthenticationFailed; each says what was sent and what is needed."""
        scheme, _, value = request.headers.get("Authorization", "").strip().partition(" ")
        if not scheme:
            raise NotAuthenticated(f"No key was sent. {NEEDED}")
        if scheme.lower() != "bearer":
            raise AuthenticationFailed(f"An Authorization header of another scheme was sent. {NEEDED}")
        key = _running_key(value.strip())
        inner = request._request
        note_key_use(api_key=key, ip=seen(inner).client_ip, now=timezone.now())
        actor = actor_behind(inner, ActorKind.KEY, actor_id=key.pk, label=str(key))
        access = KeyAccess(
            application=key.application,
            mode=Mode(key.mode),
            scopes=frozenset(Scope(scope) for scope in key.scopes),
            actor=actor,
            holder=f"The {key.kind} key {key}",
        )
        return KeyPrincipal(), access

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="management API"'


class SessionScopeAuthentication(SessionAuthentication):
    """The portal's session below `/w/<workspace>/a/<application>/<mode>/api/v1/`; scopes by role."""

    def authenticate(self, request: Request) -> tuple[Any, KeyAccess]:
        """Raises: NotAuthenticated; Http404 without a scope and for strangers; PermissionDenied (CSRF)."""
        inner = request._request
        if getattr(inner, "scope_path", None) is None:
            raise Http404
        if "Authorization" in request.headers:
            raise AuthenticationFailed(
                "An Authorization header was sent. Here the portal's session answers; send keys to /api/v1/."
            )
        if not inner.user.is_authenticated:
            raise NotAuthenticated("Nobody is signed in. Sign in to the portal, or use a key at /api/v1/.")
        scope = getattr(inner, "scope", None)
        if scope is None:
            raise Http404
        self.enforce_csrf(request)
        access = KeyAccess(
            application=Application.objects.select_related("workspace").get(pk=scope.application_id),
            mode=scope.mode,
            scopes=member_scopes(scope.role, scope.mode),
            actor=actor_of(inner),
            holder=f"The role {scope.role.value}",
        )
        return inner.user, access

    def authenticate_header(self, request: Request) -> str:
        return 'Session realm="portal"'


class HasScope(BasePermission):
    """Ask the access for the view's `scope_read` or `scope_write`; a view without one has no such method.

    A view's `fresh_actions` ask a person, as the portal's pages do, for a sign-in of the last minutes.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raises: PermissionDenied naming the scope, MethodNotAllowed."""
        access = access_of(request)
        method = request.method or ""
        scope: Scope | None = getattr(view, "scope_read" if method in SAFE_METHODS else "scope_write", None)
        if scope is None or getattr(view, "action", "") is None:
            raise MethodNotAllowed(method)
        if scope == Scope.MEMBERS_WRITE and not access.is_person:
            raise PermissionDenied("Who is in the team is changed in the portal by a person.", code="person_needed")
        if scope not in access.scopes:
            has = ", ".join(sorted(access.scopes)) or "none"
            advice = (
                "Ask an owner or admin of the workspace."
                if access.is_person
                else f"Use a management key (mk_{access.mode}_…), made in the portal under API keys."
            )
            raise PermissionDenied(
                f"This needs the scope {scope}. {access.holder} has: {has}. {advice}", code="missing_scope"
            )
        needs_fresh_sign_in = access.is_person and view.action in getattr(view, "fresh_actions", ())
        if needs_fresh_sign_in and not signed_in_recently(request._request):
            raise PermissionDenied(
                "Confirm who you are in the portal first: your last sign-in is too long ago.",
                code="reauthentication_needed",
            )
        return True


def _running_key(value: str) -> ApiKey:
    """Raises: AuthenticationFailed."""
    parsed = parse_key(value)
    if parsed is None:
        raise AuthenticationFailed(f"What was sent is not a key of the form mk_test_… or mk_live_…. {NEEDED}")
    kind, mode = parsed
    sent = f"A key of the form {PREFIXES[kind]}_{mode}_… was sent"
    if kind == KeyKind.PUBLISHABLE:
        raise AuthenticationFailed(f"{sent}: a publishable key opens the consent pages only. {NEEDED}")
    key = find_api_key(value, now=BEFORE_ALL_KEYS)
    if key is None:
        raise AuthenticationFailed(f"{sent}; no {mode} key here has this text. {NEEDED}")
    if key.expires_at is not None and key.expires_at <= timezone.now():
        ended = key.expires_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        raise AuthenticationFailed(f"{sent}; it ended at {ended}. {NEEDED}")
    return key
