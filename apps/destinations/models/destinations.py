"""Where records are delivered to: the storage, its sealed secrets, the tests of its connection."""

import uuid

from django.db import models
from django.db.models import Q

from apps.applications.models import MODES, Application
from apps.encryption.fields import SealedField

from ..states import Contents, DestinationState, ProbeCause

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
    # What a delivery holds beside the documented layout; all off by default.
    contents = models.CharField(
        max_length=8, choices=[(each.value, each.value) for each in Contents], default=Contents.SNAPSHOT.value
    )
    manifest = models.BooleanField(default=False)
    tombstones = models.BooleanField(default=False)
    concurrency = models.PositiveSmallIntegerField(default=4)
    fail_streak = models.PositiveIntegerField(default=0)
    refused_streak = models.PositiveIntegerField(default=0)
    # Since when no delivery has succeeded, and how many hours of that were told (rulings B3).
    first_failure_at = models.DateTimeField(null=True, blank=True)
    alerted_hours = models.PositiveSmallIntegerField(default=0)
    # The breaker: nothing is claimed before that.
    open_until = models.DateTimeField(null=True, blank=True)
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
                name="destinations_delta_has_tombstones",
                condition=~Q(contents="delta") | Q(tombstones=True, manifest=True),
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

    @property
    def is_sealed(self) -> bool:
        """Its deliveries build on each other: a patient authorization's go one by one, in the order of their syncs."""
        return self.manifest or self.tombstones or self.contents == Contents.DELTA


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
