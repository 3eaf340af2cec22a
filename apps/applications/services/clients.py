"""Register an OAuth client of an application: its redirect URIs, a publishable key, a secret key if it can keep one."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from apps.audit.events import Actor

from ..keys import KeyKind, Mode
from ..models import Application
from .applications import add_redirect_uri
from .keys import IssuedKey, issue_api_key


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """The keys of a new client, for the one response that shows them."""

    public: IssuedKey
    secret: IssuedKey | None


@transaction.atomic
def register_client(
    *, application: Application, mode: Mode, redirect_uris: list[str], name: str, is_confidential: bool, by: Actor
) -> RegisteredClient:
    """Clients of one application and mode share its redirect URIs. Raises: InvalidRedirectUri, LiveAccessMissing."""
    for uri in redirect_uris:
        add_redirect_uri(application=application, mode=mode, uri=uri, by=by)

    def issue(kind: KeyKind) -> IssuedKey:
        return issue_api_key(application=application, mode=mode, kind=kind, by=by, note=name)

    return RegisteredClient(issue(KeyKind.PUBLISHABLE), issue(KeyKind.SECRET) if is_confidential else None)
