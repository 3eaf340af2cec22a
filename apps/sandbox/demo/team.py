"""The demo's people, application and keys, made by the same services as the portal's."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import ApiKey, Application, LiveAccessRequest
from apps.applications.services import (
    add_redirect_uri,
    create_application,
    decide_live_access,
    end_api_key,
    issue_api_key,
    request_live_access,
)
from apps.audit.events import Actor, ActorKind
from apps.workspaces.models import User, Workspace
from apps.workspaces.services import create_workspace

EMAIL, SUPPORT_EMAIL = "dev@demo.example", "support@demo.example"
CALLBACK = "http://localhost:3000/callback"
DEMO = Actor(kind=ActorKind.SYSTEM, label="demo")


@dataclass(frozen=True, slots=True)
class DemoTeam:
    """The application, and the fields of demo.json that only this moment knows."""

    application: Application
    fields: dict[str, str]


@transaction.atomic
def make_or_roll() -> DemoTeam:
    """Make the team; if it is there (demo.json was lost), set new passwords and reissue its keys (B28)."""
    password, support_password = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
    owner = _person(EMAIL, "Demo Developer", password, staff=False)
    _person(SUPPORT_EMAIL, "Demo Support", support_password, staff=True)
    workspace = Workspace.objects.filter(slug="demo").first()
    if workspace is None:
        workspace = create_workspace(name="Demo team", slug="demo", owner=owner, by=DEMO)
    application = Application.objects.filter(workspace=workspace, slug="care-app").first()
    if application is None:
        application = create_application(workspace=workspace, name="Demo Care App", slug="care-app", by=DEMO)
    add_redirect_uri(application=application, mode=Mode.TEST, uri=CALLBACK, by=DEMO)
    _grant_live(application)
    application.refresh_from_db()
    keys = {
        f"{prefix}{kind}_key": _key(application, mode, KeyKind(kind))
        for mode, prefix in ((Mode.TEST, ""), (Mode.LIVE, "live_"))
        for kind in ("publishable", "secret", "management")
    }
    people = {
        "email": EMAIL,
        "password": password,
        "support_email": SUPPORT_EMAIL,
        "support_password": support_password,
    }
    return DemoTeam(application, {**people, **keys})


def find_application() -> Application | None:
    return Application.objects.filter(workspace__slug="demo", slug="care-app").select_related("workspace").first()


def _person(email: str, name: str, password: str, *, staff: bool) -> User:
    from allauth.account.models import EmailAddress

    user = User.objects.filter(email=email).first() or User.objects.create_user(email, name=name, is_staff=staff)
    user.set_password(password)
    user.save(update_fields=["password"])
    EmailAddress.objects.get_or_create(user=user, email=email, defaults={"verified": True, "primary": True})
    return user


def _grant_live(application: Application) -> None:
    if application.has_live_access:
        return
    open_request = LiveAccessRequest.objects.filter(application=application, decision="pending").first()
    asked = open_request or request_live_access(application=application, purpose="The demo's live keys", by=DEMO)
    decide_live_access(request=asked, granted=True, notes="Granted by the demo.", by=DEMO, now=timezone.now())


def _key(application: Application, mode: Mode, kind: KeyKind) -> str:
    old = ApiKey.objects.filter(application=application, mode=mode, kind=kind, expires_at__isnull=True)
    if kind == KeyKind.PUBLISHABLE and (kept := old.first()):
        return kept.public_value
    for each in old:
        end_api_key(api_key=each, by=DEMO, now=timezone.now())
    return issue_api_key(application=application, mode=mode, kind=kind, by=DEMO, note="demo").value
