"""Destinations, their sealed secrets and tests; deliveries, their attempts, and actions on many of them."""

import uuid

from django.db import models
from django.db.models import Q

from apps.applications.models import MODES, Application
from apps.authorizations.models import PatientAuthorization
from apps.encryption.fields import SealedField
from apps.outbox.models import OutboxRow

from .states import (
    CLAIMABLE,
    BulkItemState,
    BulkState,
    BulkVerb,
    DeliveryKind,
    DeliveryState,
    DestinationState,
    ProbeCause,
)

KINDS = [("s3", "Amazon S3")]


class Destination(models.Model):
    """Storage that the developer owns. Secrets live in `DestinationSecret`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="destinations")
    mode = models.CharField(max_length=4, choices=MODES)
    kind = models.CharField(max_length=16, choices=KINDS, default="s3")
    name = models.CharField(max_length=100)
    state = models.CharField(
        max_length=8,
        choices=[(state.value, state.value) for state in DestinationState],
        default=DestinationState.UNTESTED.value,
    )
    paused_reason = models.TextField(blank=True, default="")
    bucket = models.CharField(max_length=63)
    region = models.CharField(max_length=32)
    role_arn = models.CharField("role ARN", max_length=2048)
    prefix = models.CharField(max_length=200)
    kms_key_arn = models.CharField("KMS key ARN", max_length=2048, blank=True, default="")
    expected_bucket_owner = models.CharField(max_length=12, blank=True, default="")
    # Counts every change of what a delivery depends on; a test passes for one version of it.
    config_version = models.PositiveIntegerField(default=1)
    tested_version = models.PositiveIntegerField(null=True, blank=True)
    test_passed_at = models.DateTimeField(null=True, blank=True)
    # When the daily look at its trust is due; null until it has first been spread over the day.
    retest_at = models.DateTimeField(null=True, blank=True)
    concurrency = models.PositiveSmallIntegerField(default=4)
    fail_streak = models.PositiveIntegerField(default=0)
    refused_streak = models.PositiveIntegerField(default=0)
    last_served_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["application", "mode", "-created_at", "id"], name="destinations_list"),
            models.Index(
                fields=["retest_at"], name="destinations_retest_due", condition=Q(state__in=["READY", "ENABLED"])
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["id", "application", "mode"], name="destinations_scope"),
            models.UniqueConstraint(
                fields=["application", "mode", "name"],
                condition=~Q(state="DELETED"),
                name="destinations_name_once",
            ),
            models.CheckConstraint(
                name="destinations_paused_has_reason",
                condition=~Q(state="PAUSED") | ~Q(paused_reason=""),
            ),
            models.CheckConstraint(
                name="destinations_on_only_when_tested",
                condition=~Q(state__in=["READY", "ENABLED"]) | Q(tested_version=models.F("config_version")),
            ),
            models.CheckConstraint(
                name="destinations_role_unless_draft",
                condition=Q(state__in=["DRAFT", "DELETED"]) | ~Q(role_arn=""),
            ),
            models.CheckConstraint(
                name="destinations_deleted_at_with_state",
                condition=Q(state="DELETED", deleted_at__isnull=False)
                | (~Q(state="DELETED") & Q(deleted_at__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def enabled(self) -> bool:
        return self.state == DestinationState.ENABLED


class DestinationSecret(models.Model):
    """The external ID, sealed; absent until it is first shown. No site registers this table, no serializer names it.

    `next_external_id` replaces it as soon as a connection test has passed with it.
    """

    destination = models.OneToOneField(Destination, on_delete=models.CASCADE, primary_key=True, related_name="secret")
    external_id = SealedField(purpose="destinations_destinationsecret.external_id")
    next_external_id = SealedField(purpose="destinations_destinationsecret.next_external_id", null=True)

    def __str__(self) -> str:
        return "secret"


class ConnectionTest(models.Model):
    """One run of Test connection and its steps (wire shape of `/api/v1/destinations/{id}/test`).

    A scheduled one has only the steps that must be refused.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="tests")
    cause = models.CharField(
        max_length=9, choices=[(cause.value, cause.value) for cause in ProbeCause], default=ProbeCause.ASKED.value
    )
    config_version = models.PositiveIntegerField()
    passed = models.BooleanField()
    steps = models.JSONField(default=list)
    ran_at = models.DateTimeField()
    ran_by = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["destination", "-ran_at"], name="destinations_tests")]

    def __str__(self) -> str:
        return f"{'passed' if self.passed else 'failed'} {self.ran_at:%Y-%m-%d %H:%M:%S}"


class Delivery(OutboxRow):
    """One sync's lines for one destination. The object key is frozen here, never made per attempt."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="deliveries")
    mode = models.CharField(max_length=4, choices=MODES)
    destination = models.ForeignKey(Destination, on_delete=models.PROTECT, related_name="deliveries")
    authorization = models.ForeignKey(PatientAuthorization, on_delete=models.PROTECT, related_name="deliveries")
    sync_job_id = models.UUIDField()  # plain: syncs stand above destinations
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=[(k.value, k.value) for k in DeliveryKind], default="live")
    replay_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="replays")
    state = models.CharField(
        max_length=10,
        choices=[(s.value, s.value) for s in DeliveryState],
        default=DeliveryState.PENDING.value,
    )
    reason = models.CharField(max_length=40, blank=True, default="")
    external_id = models.CharField(max_length=255)
    object_key = models.CharField(max_length=1024)
    bytes = models.BigIntegerField(null=True, blank=True)
    resources = models.PositiveIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    resource_counts = models.JSONField(default=dict, blank=True)
    held_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["application", "mode", "-created_at", "id"], name="deliveries_list"),
            models.Index(
                fields=["destination", "next_attempt_at", "id"],
                name="deliveries_due",
                condition=Q(state__in=[state.value for state in CLAIMABLE]),
            ),
            models.Index(fields=["lease_until"], name="deliveries_leased", condition=Q(state="RUNNING")),
            models.Index(fields=["authorization", "-created_at"], name="deliveries_of_authorization"),
            models.Index(fields=["sync_job_id"], name="deliveries_of_sync_job"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["destination", "sync_job_id"],
                condition=Q(kind__in=["live", "backfill"]),
                name="deliveries_once_per_sync",
            ),
            models.UniqueConstraint(fields=["destination", "object_key"], name="deliveries_key_once"),
            models.CheckConstraint(
                name="deliveries_delivered_is_whole",
                condition=~Q(state="DELIVERED")
                | (Q(delivered_at__isnull=False, bytes__isnull=False, resources__isnull=False) & ~Q(sha256="")),
            ),
            models.CheckConstraint(
                name="deliveries_lease_with_state",
                condition=Q(state="RUNNING", lease_token__isnull=False, lease_until__isnull=False)
                | (~Q(state="RUNNING") & Q(lease_token__isnull=True, lease_until__isnull=True)),
            ),
            models.CheckConstraint(
                name="deliveries_held_at_with_state",
                condition=Q(state="HELD", held_at__isnull=False) | (~Q(state="HELD") & Q(held_at__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return self.object_key


class DeliveryAttempt(models.Model):
    """One try of one delivery, appended and never changed."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempt_rows")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField()
    succeeded = models.BooleanField()
    already_there = models.BooleanField(default=False)
    unknown_outcome = models.BooleanField(default=False)
    stage = models.CharField(max_length=32, blank=True, default="")
    code = models.CharField(max_length=100, blank=True, default="")
    message = models.TextField(blank=True, default="")
    owner = models.CharField(max_length=16, blank=True, default="")
    request_id = models.CharField(max_length=128, blank=True, default="")
    config_version = models.PositiveIntegerField()
    worker = models.CharField(max_length=100, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="destinations_attempt_once")]

    def __str__(self) -> str:
        return f"attempt {self.number}"


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
