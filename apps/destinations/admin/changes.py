"""What was done to a destination, in words for its page; the whole trail is in the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from apps.audit.models import AuditEvent

# An action that is not here keeps its name.
WORDS = {
    "destination.created": "Created",
    "destination.changed": "Changed",
    "destination.external_id_rotated": "New external ID in use",
    "destination.external_id_prepared": "New external ID made, beside the old one",
    "destination.external_id_discarded": "New external ID discarded",
    "destination.enabled": "Enabled",
    "destination.disabled": "Disabled",
    "destination.paused": "Paused",
    "destination.backfilled": "Back-filled",
    "destination.deleted": "Deleted",
}
FIELD_WORDS = {
    "role_arn": "role",
    "kms_key_arn": "KMS key",
    "expected_bucket_owner": "account that owns the bucket",
    "tombstones": "deletions",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One event for the template."""

    event: AuditEvent

    @property
    def text(self) -> str:
        words = WORDS.get(self.event.action, self.event.action)
        if self.event.action == "destination.changed":
            fields = self.event.detail.get("fields", [])
            return f"{words}: {', '.join(FIELD_WORDS.get(name, name) for name in fields)}"
        if self.event.action == "destination.backfilled":
            return f"{words}: {self.event.detail.get('deliveries', 0)} deliveries"
        return words

    @property
    def who(self) -> str:
        return self.event.actor_label or self.event.actor_kind
