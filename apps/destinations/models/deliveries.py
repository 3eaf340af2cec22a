"""Deliveries and their attempts."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Collate

from apps.applications.models import MODES, Application
from apps.authorizations.models import PatientAuthorization
from apps.outbox.models import OutboxRow

from ..states import CLAIMABLE, DeliveryKind, DeliveryState
from .destinations import Destination


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
    # Types that the sync could not load whole. Shape: [{"type": "Claim", "reason": "failed"}].
    gaps = models.JSONField(default=list, blank=True)
    # How a sealed delivery is made, frozen at its first attempt. Shape: `services.sealing.Plan`; {} when not sealed.
    plan = models.JSONField(default=dict, blank=True)
    # Its objects, when they are more than one. Shape: [{"role": "data", "key", "bytes", "sha256", "lines"}].
    parts = models.JSONField(default=list, blank=True)
    held_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["application", "mode", "-created_at", "id"], name="deliveries_list"),
            # A back-fill goes behind what is live.
            models.Index(
                "destination",
                models.ExpressionWrapper(Q(kind="backfill"), output_field=models.BooleanField()),
                "next_attempt_at",
                "id",
                name="deliveries_due",
                condition=Q(state__in=[state.value for state in CLAIMABLE]),
            ),
            models.Index(fields=["lease_until"], name="deliveries_leased", condition=Q(state="RUNNING")),
            models.Index(fields=["authorization", "-created_at"], name="deliveries_of_authorization"),
            models.Index(fields=["destination", "authorization", "seq"], name="deliveries_in_order"),
            # The filters of the lists, each in the lists' order.
            models.Index(fields=["application", "mode", "state", "-created_at", "id"], name="deliveries_by_state"),
            models.Index(fields=["application", "mode", "external_id", "-created_at", "id"], name="deliveries_by_user"),
            models.Index(fields=["destination", "-created_at", "id"], name="deliveries_by_destination"),
            models.Index(fields=["object_key"], name="deliveries_by_key"),
            models.Index(
                fields=["application", "mode", "kind", "-created_at", "id"],
                name="deliveries_by_kind",
                condition=~Q(kind="live"),
            ),
            models.Index(
                fields=["application", "mode", "error_code", "-created_at", "id"],
                name="deliveries_by_error",
                condition=~Q(error_code=""),
            ),
            # The order in which a storage lists its keys.
            models.Index("destination", Collate("object_key", "C"), name="deliveries_in_bytes"),
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
