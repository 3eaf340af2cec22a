"""What the page of one delivery shows: where it stands, each attempt, its key in parts, what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.applications.listing import curl_of
from apps.applications.middleware import Scope
from apps.workspaces.scoped_admin import Scope as AnyScope
from apps.workspaces.scoped_admin import cells

from ..manifests import Role
from ..models import Delivery, DeliveryAttempt
from ..states import DeliveryKind, DeliveryState, DestinationState
from . import delivery_words as words

RETRYABLE = (DeliveryState.FAILED, DeliveryState.RETRYING)
REPLAYS_SHOWN = 10
KEY_PARTS = ("User", "Consent", "Authorization", "Time and sync job")


@dataclass(frozen=True, slots=True)
class ShownAttempt:
    """One attempt for the template; the newest is open."""

    attempt: DeliveryAttempt
    open: bool

    @property
    def outcome(self) -> str:
        return words.attempt_outcome(self.attempt)

    @property
    def facts(self) -> list[tuple[str, SafeString | str]]:
        return words.attempt_facts(self.attempt)

    @property
    def took(self) -> str:
        return words.took(self.attempt.milliseconds)

    @property
    def tested_by(self) -> bool:
        """Say whether Test connection can name the statement that is missing."""
        return self.attempt.owner == "customer"


def delivery_context(scope: Scope | AnyScope, found: Delivery) -> dict[str, Any]:
    attempts = list(found.attempt_rows.order_by("-number"))
    return {
        "delivery": found,
        "attempts": [ShownAttempt(each, place == 0) for place, each in enumerate(attempts)],
        "next": words.what_comes_next(found),
        "reason": words.reason(found) if found.reason else "",
        "facts": _facts(scope, found),
        "parts": key_parts(found.object_key),
        "objects": [(words.ROLES[Role(part["role"])], part) for part in found.parts],
        "gaps": words.gaps(found),
        "counts": sorted(found.resource_counts.items()),
        "replays": list(found.replays.order_by("-created_at", "id")[:REPLAYS_SHOWN]),
        "retryable": found.state in RETRYABLE,
        "replayable": found.state == DeliveryState.DELIVERED,
        "destination_is_on": found.destination.state == DestinationState.ENABLED,
        "fetch_command": f"aws s3 cp '{_uri(found)}' - | sha256sum" if found.sha256 else "",
        "curl": curl_of(f"deliveries/{found.pk}"),
    }


def key_parts(key: str) -> list[tuple[str, str]]:
    """Name the parts of an object key; what stands before the last four is the prefix."""
    parts = key.split("/")
    if len(parts) < len(KEY_PARTS):
        return []
    prefix = "/".join(parts[: -len(KEY_PARTS)])
    named = list(zip(KEY_PARTS, parts[-len(KEY_PARTS) :], strict=True))
    return [("Prefix", f"{prefix}/"), *named] if prefix else named


def _uri(found: Delivery) -> str:
    """Return the object's address; a quote in it would end the quoted text of the command."""
    return f"s3://{found.destination.bucket}/{found.object_key}".replace("'", "'\\''")


def _facts(scope: Scope | AnyScope, found: Delivery) -> list[tuple[str, SafeString | str]]:
    def link(model: str, pk: object, text: object) -> SafeString:
        address = reverse(f"{scope.mode}:{model}_change", args=[pk])
        return format_html('<a href="{}">{}</a>', address, text)

    facts: list[tuple[str, SafeString | str]] = [
        ("Destination", link("destinations_destination", found.destination_id, cells.words(found.destination.name))),
        ("User", cells.words(found.external_id)),
        ("Sync job", link("syncs_syncjob", found.sync_job_id, cells.code(found.sync_job_id))),
        (
            "Authorization",
            link("authorizations_patientauthorization", found.authorization_id, cells.code(found.authorization_id)),
        ),
        ("Kind", words.KINDS[DeliveryKind(found.kind)]),
        ("Holds", words.what_it_holds(found)),
    ]
    if found.replay_of_id:
        facts.append(("Replay of", link("destinations_delivery", found.replay_of_id, cells.code(found.replay_of_id))))
    facts += [
        ("Size", cells.file_size(found.bytes)),
        ("Resources", f"{found.resources:,}" if found.resources is not None else cells.NOTHING),
        ("Tries", str(found.attempts)),
        ("Created (UTC)", cells.moment(found.created_at)),
    ]
    if found.delivered_at:
        facts.append(("Delivered (UTC)", cells.moment(found.delivered_at)))
    elif found.state in (DeliveryState.PENDING, DeliveryState.RETRYING):
        facts += [
            ("Next try (UTC)", cells.moment(found.next_attempt_at)),
            ("Gives up (UTC)", cells.moment(found.give_up_at)),
        ]
    return facts
