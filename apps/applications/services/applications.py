"""Create and change applications and their redirect URIs."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.db import transaction

from apps.audit.events import Actor, Place
from apps.audit.services import record_event
from apps.workspaces.models import Workspace

from ..keys import KeyKind, Mode
from ..models import Application, RedirectUri, SyncFrequency
from ..redirect_uris import check_redirect_uri


@transaction.atomic
def create_application(*, workspace: Workspace, name: str, slug: str, by: Actor) -> Application:
    """Make an application with a publishable test key; secrets are issued when somebody is there to store them."""
    from .keys import issue_api_key  # the two modules are one subject

    application = Application.objects.create(workspace=workspace, name=name, slug=slug)
    _record("application.created", application, by, {})
    issue_api_key(application=application, mode=Mode.TEST, kind=KeyKind.PUBLISHABLE, by=by)
    return application


@transaction.atomic
def update_application(*, application: Application, name: str, sync_frequency: SyncFrequency, by: Actor) -> None:
    fields = {"name": name, "sync_frequency": sync_frequency.value}
    changed = sorted(field for field, value in fields.items() if getattr(application, field) != value)
    Application.objects.filter(pk=application.pk).update(**fields)
    _record("application.changed", application, by, {"fields": changed})


@transaction.atomic
def add_redirect_uri(*, application: Application, mode: Mode, uri: str, by: Actor) -> RedirectUri:
    """Register it; registering it again changes nothing. Raises: InvalidRedirectUri."""
    host = check_redirect_uri(uri, allow_loopback=mode == Mode.TEST)
    made, is_new = RedirectUri.objects.get_or_create(application=application, mode=mode, uri=uri)
    if is_new:
        _record("redirect_uri.added", application, by, {"mode": mode.value, "host": host})
    return made


@transaction.atomic
def remove_redirect_uri(*, redirect_uri: RedirectUri, by: Actor) -> None:
    host = urlsplit(redirect_uri.uri).hostname or ""
    _record("redirect_uri.removed", redirect_uri.application, by, {"mode": redirect_uri.mode, "host": host})
    redirect_uri.delete()


def _record(action: str, application: Application, by: Actor, detail: dict[str, object]) -> None:
    record_event(
        action=action,
        by=by,
        place=Place(workspace_id=str(application.workspace_id), application_id=str(application.id)),
        target_type="application",
        target_id=application.id,
        detail=detail,
    )
