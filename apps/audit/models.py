"""Audit events and seals: no foreign keys, no cascades; the sealer writes two columns once (rulings A5)."""

from django.db import models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now


class AuditEvent(models.Model):
    """One write, or one reading of patient data. `id` is the order of the chain."""

    at = models.DateTimeField(db_default=Now())
    # Lets the sealer leave rows alone whose neighbours may still be uncommitted.
    transaction_id = models.BigIntegerField(db_default=RawSQL("(pg_current_xact_id()::text)::bigint", ()))
    workspace_id = models.CharField(max_length=36, blank=True, default="")
    application_id = models.CharField(max_length=36, blank=True, default="")
    mode = models.CharField(max_length=4, blank=True, default="")
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64, blank=True, default="")
    actor_label = models.CharField(max_length=200, blank=True, default="")
    action = models.CharField(max_length=64)
    target_type = models.CharField(max_length=64, blank=True, default="")
    target_id = models.CharField(max_length=64, blank=True, default="")
    detail = models.JSONField(default=dict, blank=True)
    ip = models.CharField(max_length=45, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    # Set once, by the sealer: this event's place in its workspace's chain.
    seal_number = models.PositiveBigIntegerField(null=True, blank=True)
    hash = models.BinaryField(max_length=32, null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["workspace_id", "id"],
                name="audit_event_unsealed",
                condition=models.Q(seal_number__isnull=True),
            ),
            models.Index(fields=["workspace_id", "seal_number", "id"], name="audit_event_sealed"),
            models.Index(fields=["workspace_id", "-id"], name="audit_event_workspace"),
            models.Index(fields=["target_id", "-id"], name="audit_event_target"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}"


class AuditSeal(models.Model):
    """One link of a workspace's chain: covers the events up to `last_event_id`."""

    workspace_id = models.CharField(max_length=36, blank=True, default="")
    number = models.PositiveBigIntegerField()
    first_event_id = models.BigIntegerField()
    last_event_id = models.BigIntegerField()
    event_count = models.PositiveIntegerField()
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id", "number"], name="audit_seal_number")]

    def __str__(self) -> str:
        return f"seal {self.number}"
