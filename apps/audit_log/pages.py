"""What the pages of the audit log show beside the list: one event in full, and how far the chain is sealed."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.applications.models import Application
from apps.audit.models import AuditEvent
from apps.workspaces.scoped_admin import cells, scope_url

from . import presenters
from .selectors import find_chain, find_seal

# Kind of target -> its page in the portal.
TARGETS = {
    "api_key": "applications_apikey_change",
    "destination": "destinations_destination_change",
    "delivery": "destinations_delivery_change",
    "sync_job": "syncs_syncjob_change",
    "patient_authorization": "authorizations_patientauthorization_change",
}


def chain_context(workspace_id: UUID) -> dict[str, Any]:
    return {"chain": find_chain(workspace_id)}


def event_context(event: AuditEvent, *, list_address: str, by_search: bool = False) -> dict[str, Any]:
    """Return what the page of one event shows; a list without these filters is narrowed by its search."""
    application, told = _application_of(event), presenters.facts(event)
    return {
        "event": event,
        "facts": _facts(event, application),
        "did": presenters.describe(event),
        "by": presenters.actor(event),
        "changed": [fact for fact in told if fact.before],
        "recorded": [fact for fact in told if not fact.before],
        "seal": find_seal(event),
        "related": _related(event, list_address, by_search),
    }


def _facts(event: AuditEvent, application: Application | None) -> list[tuple[str, SafeString | str]]:
    return [
        ("When (UTC)", cells.moment(event.at)),
        ("Who", cells.words(presenters.actor(event))),
        ("As", event.actor_kind.capitalize()),
        ("Actor's ID", cells.code(event.actor_id)),
        ("Action", cells.code(event.action)),
        ("To", _target(event, application)),
        ("Application", cells.words(application) if application else "The whole workspace"),
        ("Mode", event.mode.capitalize() or "Both"),
        ("From address", cells.code(event.ip)),
        ("Request", cells.code(event.request_id)),
    ]


def _target(event: AuditEvent, application: Application | None) -> SafeString | str:
    if not event.target_id:
        return event.target_type.replace("_", " ").capitalize() or cells.NOTHING
    shown = cells.code(event.target_id)
    page = TARGETS.get(event.target_type)
    if page and application and event.mode:
        address = scope_url(application.workspace.slug, application.slug, event.mode, page, event.target_id)
        shown = format_html('<a href="{}">{}</a>', address, shown)
    return format_html('{}<span class="second">{}</span>', event.target_type.replace("_", " ").capitalize(), shown)


def _application_of(event: AuditEvent) -> Application | None:
    if not event.application_id:
        return None
    return Application.objects.filter(pk=event.application_id).select_related("workspace").first()


def _related(event: AuditEvent, list_address: str, by_search: bool) -> list[tuple[str, str]]:
    """Return the ways on. Shape: (words, address of the list narrowed to it)."""
    ways = (
        ("Everything done to this", "target_id", event.target_id),
        ("Everything by this actor", "actor_id", event.actor_id),
        ("Everything in this request", "request_id", event.request_id),
        ("Every event of this kind", "action", event.action),
    )
    return [
        (words, f"{list_address}?{urlencode({'q' if by_search else name: value})}")
        for words, name, value in ways
        if value
    ]
