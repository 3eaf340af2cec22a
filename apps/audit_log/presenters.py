"""Audit events in words, for people. Pure: reads one event, asks nobody."""

from __future__ import annotations

from apps.audit.models import AuditEvent

# action -> what a person would say; an action that is not here is shown as it is.
WORDS = {
    "workspace.created": "created the workspace",
    "membership.added": "added a member",
    "membership.role_changed": "changed a member's role",
    "membership.removed": "removed a member",
    "application.created": "created the application",
    "application.changed": "changed the application's settings",
    "redirect_uri.added": "registered a redirect URI",
    "redirect_uri.removed": "removed a redirect URI",
    "api_key.created": "created an API key",
    "api_key.rolled": "rolled an API key",
    "api_key.ended": "ended an API key",
    "live_access.requested": "asked for live access",
    "live_access.granted": "granted live access",
    "live_access.refused": "refused live access",
    "destination.created": "created a destination",
    "destination.changed": "changed a destination",
    "destination.external_id_rotated": "made a new external ID",
    "destination.tested": "tested a connection",
    "destination.enabled": "enabled a destination",
    "destination.disabled": "disabled a destination",
    "destination.paused": "paused a destination",
    "destination.deleted": "deleted a destination",
    "destination.backfilled": "back-filled a destination",
    "delivery.finished_late": "finished a write after its lease",
    "delivery.worker_lost": "lost the worker of a delivery",
    "delivery.retried": "retried a delivery",
    "delivery.replayed": "replayed a delivery",
    "authorization.created": "began an authorization",
    "authorization.purged": "deleted the data of an authorization",
    "sync.requested": "asked for a sync",
    "token.issued": "issued tokens",
    "token.reused": "used a refresh token twice",
    "consent.opened": "opened the consent pages",
    "consent.agreed": "agreed to share",
    "consent.refused": "refused to share",
    "record.viewed": "read patient records",
}


def describe(event: AuditEvent) -> str:
    """Say what happened, as the second half of a sentence that begins with the actor."""
    return WORDS.get(event.action, event.action)


def actor(event: AuditEvent) -> str:
    """Name who did it."""
    return event.actor_label or f"{event.actor_kind} {event.actor_id}".strip()


def detail(event: AuditEvent) -> str:
    """Write the event's details in one line. Shape: "role: owner; count: 3"."""
    return "; ".join(f"{name.replace('_', ' ')}: {_value(value)}" for name, value in sorted(event.detail.items()))


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return str(value)
