"""Audit events in words, for people. Pure: reads one event, asks nobody."""

from __future__ import annotations

from dataclasses import dataclass

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
    "delivery.superseded": "left out a delivery that a newer one had overtaken",
    "allowed_origin.added": "allowed a website to show the consent widget",
    "allowed_origin.removed": "no longer allows a website to show the consent widget",
    "code.reused": "saw an authorization code used twice and ended what it had issued",
    "sync.requested": "asked for a sync",
    "sync.completed": "completed a sync",
    "sync.failed": "gave a sync up",
    "token.issued": "issued tokens",
    "token.reused": "used a refresh token twice",
    "consent.opened": "opened the consent pages",
    "consent.agreed": "agreed to share",
    "consent.refused": "refused to share",
    "record.viewed": "read patient records",
    "record.read": "read a record over FHIR",
    "record.searched": "searched records over FHIR",
    "record.everything_read": "read all records over FHIR",
    "workspace.renamed": "renamed the workspace",
    "workspace.second_factor_required": "began to ask members for a second factor",
    "workspace.second_factor_not_required": "stopped asking members for a second factor",
    "invitation.sent": "invited somebody",
    "invitation.resent": "sent an invitation again",
    "invitation.withdrawn": "withdrew an invitation",
    "invitation.accepted": "accepted an invitation",
    "destination.external_id_prepared": "prepared a new external ID",
    "destination.external_id_discarded": "discarded the prepared external ID",
    "destination.retested": "looked at a destination again",
    "bulk_action.started": "began a bulk action",
    "bulk_action.completed": "completed a bulk action",
    "reconciliation.started": "began to compare a destination with what was delivered",
    "reconciliation.completed": "compared a destination with what was delivered",
    "reconciliation.failed": "could not compare a destination with what was delivered",
    "api_key.noted": "changed the note of an API key",
    "delivery.attempted": "tried a delivery",
    "delivery.delivered": "delivered an object",
    "delivery.retrying": "put a delivery off after a failed attempt",
    "delivery.held": "held a delivery back",
    "delivery.failed": "gave a delivery up",
    "delivery.cancelled": "cancelled a delivery",
    "authorization.authorizing": "left for the source",
    "authorization.authorized": "signed in at the source",
    "authorization.exchanged": "exchanged the first token",
    "authorization.refreshed": "refreshed a token for the first time",
    "authorization.errored": "could not complete an authorization",
    "authorization.bounced": "came back from the source without access",
    "authorization.abandoned": "left an authorization unfinished",
    "authorization.revoked": "revoked an authorization",
    "support.viewed": "looked at this in the support console",
    "support.listed": "listed rows of this team in the support console",
    "second_factor.reset": "removed a lost second factor",
    "endpoint.status_changed": "changed the state of an endpoint",
    "operator.paged": "told the operator of a fault",
    "endpoint.limits_changed": "changed the limits of an endpoint",
}
# What "before" and "after" speak of, where it is not a state.
NAMES = {"sha256": "SHA-256", "ids_sha256": "SHA-256 of the IDs", "seq": "Sequence"}
CHANGED = {"membership.role_changed": "Role", "workspace.renamed": "Name"}


def describe(event: AuditEvent) -> str:
    """Say what happened, as the second half of a sentence that begins with the actor."""
    return WORDS.get(event.action, event.action)


def actor(event: AuditEvent) -> str:
    """Name who did it."""
    if event.actor_label == event.actor_kind:
        return event.actor_kind.capitalize()
    return event.actor_label or f"{event.actor_kind} {event.actor_id}".strip()


def whence(event: AuditEvent) -> str:
    """Say as what the actor acted and from where, as far as the name does not say it."""
    kind = "" if event.actor_label == event.actor_kind else event.actor_kind
    return " ".join(part for part in (kind, event.ip) if part)


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of an event's details. `before` is empty unless the event says what was there before."""

    name: str
    before: str
    after: str


def facts(event: AuditEvent) -> list[Fact]:
    """Return an event's details, what changed first."""
    told = dict(event.detail)
    found = []
    if "before" in told and "after" in told:
        found.append(Fact(CHANGED.get(event.action, "State"), _value(told.pop("before")), _value(told.pop("after"))))
    said = ((name, value) for name, value in sorted(told.items()) if value not in ("", None, [], {}))
    return found + [Fact(_name(name), "", _value(value)) for name, value in said]


def detail(event: AuditEvent) -> str:
    """Write the event's details in one line. Shape: "State: CREATED → AUTHORIZING; Count: 3"."""
    return "; ".join(
        f"{fact.name}: {fact.before} → {fact.after}" if fact.before else f"{fact.name}: {fact.after}"
        for fact in facts(event)
    )


def _name(name: str) -> str:
    if name in NAMES:
        return NAMES[name]
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_value(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{_name(str(name))} {_value(each)}" for name, each in sorted(value.items()))
    return "–" if value in ("", None) else str(value)
