"""Work on many deliveries: retries and replays, back-fills, reconciliations."""

import uuid

from django.db import models
from django.db.models import Q

from apps.applications.models import MODES, Application
from apps.outbox.models import OutboxRow

from ..states import BulkItemState, BulkState, BulkVerb, ReconciliationState
from .deliveries import Delivery
from .destinations import Destination


class BulkAction(models.Model):
    """A retry or replay of many deliveries, fixed one by one when it was asked for; worked off in batches."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="bulk_actions")
    mode = models.CharField(max_length=4, choices=MODES)
    verb = models.CharField(max_length=6, choices=[(verb.value, verb.value) for verb in BulkVerb])
    state = models.CharField(
        max_length=9, choices=[(state.value, state.value) for state in BulkState], default=BulkState.PENDING.value
    )
    # Shape: {"state": ["FAILED"]}, the list's parameters; null when deliveries were named one by one.
    filter = models.JSONField(null=True, blank=True)
    delivery_count = models.PositiveIntegerField()
    done_count = models.PositiveIntegerField(default=0)
    skipped_count = models.PositiveIntegerField(default=0)
    # Shape: the fields of `apps.audit.events.Actor`: each delivery's audit event names who asked.
    asked_by = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["application", "mode", "-created_at", "id"], name="bulk_actions_list"),
            models.Index(
                fields=["created_at", "id"], name="bulk_actions_due", condition=Q(state__in=["PENDING", "RUNNING"])
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="bulk_actions_ended_at_with_state",
                condition=Q(state="COMPLETED", ended_at__isnull=False)
                | (~Q(state="COMPLETED") & Q(ended_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="bulk_actions_counts_fit",
                condition=Q(delivery_count__gte=models.F("done_count") + models.F("skipped_count")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb} of {self.delivery_count}"


class BulkActionItem(models.Model):
    """One delivery of a bulk action, and what became of it."""

    action = models.ForeignKey(BulkAction, on_delete=models.CASCADE, related_name="items")
    number = models.PositiveIntegerField()
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="bulk_items")
    state = models.CharField(
        max_length=7,
        choices=[(state.value, state.value) for state in BulkItemState],
        default=BulkItemState.PENDING.value,
    )
    code = models.CharField(max_length=40, blank=True, default="")
    message = models.TextField(blank=True, default="")
    made = models.OneToOneField(Delivery, on_delete=models.PROTECT, null=True, blank=True, related_name="made_by_item")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["action", "number"], name="bulk_items_number_once"),
            models.UniqueConstraint(fields=["action", "delivery"], name="bulk_items_delivery_once"),
            models.CheckConstraint(
                name="bulk_items_skipped_says_why",
                condition=(Q(state="SKIPPED") & ~Q(code="") & ~Q(message="")) | (~Q(state="SKIPPED") & Q(code="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.state}"


class Backfill(models.Model):
    """A destination being brought up to date: its rows are made a few ahead of what leaves, authorization by
    authorization, so that what is live never waits behind them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    destination = models.ForeignKey(Destination, on_delete=models.PROTECT, related_name="backfills")
    state = models.CharField(
        max_length=9, choices=[(state.value, state.value) for state in BulkState], default=BulkState.PENDING.value
    )
    planned_count = models.PositiveIntegerField()
    made_count = models.PositiveIntegerField(default=0)
    # How far it is: the last authorization that was looked at, in the order of (created_at, id).
    after_created_at = models.DateTimeField(null=True, blank=True)
    after_id = models.UUIDField(null=True, blank=True)
    # Shape: the fields of `apps.audit.events.Actor`.
    asked_by = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["created_at", "id"], name="backfills_due", condition=Q(state__in=["PENDING", "RUNNING"])
            ),
            models.Index(fields=["destination", "-created_at"], name="backfills_of_destination"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["destination"], condition=Q(state__in=["PENDING", "RUNNING"]), name="backfills_one_at_a_time"
            ),
            models.CheckConstraint(
                name="backfills_ended_at_with_state",
                condition=Q(state="COMPLETED", ended_at__isnull=False)
                | (~Q(state="COMPLETED") & Q(ended_at__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.made_count} of {self.planned_count}"


class Reconciliation(OutboxRow):
    """One comparison of what was delivered with what lies in the storage."""

    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="reconciliations")
    state = models.CharField(
        max_length=9,
        choices=[(state.value, state.value) for state in ReconciliationState],
        default=ReconciliationState.PENDING.value,
    )
    # Shape: {"objects": 10, "delivered": 10, "purged": 0, "waiting": 0, "missing": 0, …} of FindingKind.
    counts = models.JSONField(default=dict, blank=True)
    # The first thousand. Shape: [{"kind": "missing", "key": "…", "delivery_id": "…", "message": "…"}].
    findings = models.JSONField(default=list, blank=True)
    # False: the role may not read the objects, so their lengths alone were compared.
    compared_bytes = models.BooleanField(default=False)
    # Shape: the fields of `apps.audit.events.Actor`.
    asked_by = models.JSONField(default=dict)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["destination", "-created_at"], name="reconciliations_list"),
            models.Index(
                fields=["next_attempt_at", "id"],
                name="reconciliations_due",
                condition=Q(state__in=["PENDING", "RUNNING"]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["destination"],
                condition=Q(state__in=["PENDING", "RUNNING"]),
                name="reconciliations_one_at_a_time",
            ),
            models.CheckConstraint(
                name="reconciliations_lease_with_state",
                condition=Q(state="RUNNING", lease_token__isnull=False, lease_until__isnull=False)
                | (~Q(state="RUNNING") & Q(lease_token__isnull=True, lease_until__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.created_at:%Y-%m-%d %H:%M:%S}"
