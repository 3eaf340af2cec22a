"""Create and change applications and their redirect URIs."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from django.db import transaction

from apps.audit.events import Actor, Place
from apps.audit.services import record_event
from apps.workspaces.models import Workspace

from ..keys import KeyKind, Mode
from ..models import Application, RedirectUri, SyncFrequency

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# It becomes part of headers: no space, no control character, nothing that could end a directive.
PRINTABLE = re.compile(r"[!-~]{1,500}")
NETLOC = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")


class InvalidRedirectUri(ValueError):
    """A redirect URI that we would not send a patient to."""


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
    """Raises: InvalidRedirectUri for anything but https, or http on loopback in test mode."""
    parts = _split(uri)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK and mode == Mode.TEST):
        raise InvalidRedirectUri("redirect_uri must use https (http only for localhost, and only in test mode).")
    made, new = RedirectUri.objects.get_or_create(application=application, mode=mode, uri=uri)
    if new:
        _record("redirect_uri.added", application, by, {"mode": mode.value, "host": parts.hostname})
    return made


def _split(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        whole = bool(parts.scheme) and bool(parts.hostname) and parts.port != 0 and "#" not in uri
    except ValueError:
        whole = False
    if not whole or not PRINTABLE.fullmatch(uri) or not NETLOC.fullmatch(parts.netloc):
        raise InvalidRedirectUri(
            "redirect_uri must be a full URL without fragment, credentials, spaces or letters outside ASCII, "
            "500 characters at most."
        )
    return parts


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
