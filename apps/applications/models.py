"""Applications, API keys, redirect URIs, allowed origins, requests for live access, rate windows."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.workspaces.models import SLUG, Workspace

from .keys import KeyKind, Mode


class SyncFrequency(models.TextChoices):
    DAILY = "daily", "Daily"
    WEEKLY = "weekly", "Weekly"
    MONTHLY = "monthly", "Monthly"


MODES = [(mode.value, mode.value) for mode in Mode]


class Application(models.Model):
    """What patients see the name of; its id is the OAuth client that tokens name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="applications")
    slug = models.CharField(max_length=40, validators=[SLUG])
    name = models.CharField(max_length=100)
    sync_frequency = models.CharField(max_length=8, choices=SyncFrequency.choices, default=SyncFrequency.DAILY)
    live_granted_at = models.DateTimeField(null=True, blank=True)
    live_granted_by = models.CharField(max_length=200, blank=True, default="")
    last_served_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="applications_slug_once"),
            models.CheckConstraint(
                name="applications_live_grant_is_whole",
                condition=Q(live_granted_at__isnull=True, live_granted_by="")
                | Q(live_granted_at__isnull=False) & ~Q(live_granted_by=""),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_live_access(self) -> bool:
        return self.live_granted_at is not None


class RedirectUri(models.Model):
    """Where a finished consent may return to; compared to the letter."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="redirect_uris")
    mode = models.CharField(max_length=4, choices=MODES)
    uri = models.CharField(max_length=500)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "mode", "uri"], name="applications_redirect_once")
        ]

    def __str__(self) -> str:
        return self.uri


class AllowedOrigin(models.Model):
    """A website whose pages may hold the widget's frame, and are told its public token (rulings A1)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="allowed_origins")
    mode = models.CharField(max_length=4, choices=MODES)
    origin = models.CharField(max_length=300)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "mode", "origin"], name="applications_origin_once")
        ]

    def __str__(self) -> str:
        return self.origin


class ApiKey(models.Model):
    """A key as people may see it: its prefix and last four characters, never its text (publishable apart)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="api_keys")
    mode = models.CharField(max_length=4, choices=MODES)
    kind = models.CharField(max_length=16, choices=[(kind.value, kind.value) for kind in KeyKind])
    # A publishable key is public: it is the OAuth client_id and is shown whole.
    public_value = models.CharField(max_length=60, blank=True, default="")
    prefix = models.CharField(max_length=16)
    last_four = models.CharField(max_length=4)
    scopes = ArrayField(models.CharField(max_length=32))
    note = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200, blank=True, default="")
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_ip = models.CharField(max_length=45, blank=True, default="")
    expires_at = models.DateTimeField(null=True, blank=True)
    replaced_by = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="replaces")

    class Meta:
        indexes = [models.Index(fields=["prefix"], name="applications_key_prefix")]
        constraints = [
            models.CheckConstraint(
                name="applications_key_public_value",
                condition=Q(kind=KeyKind.PUBLISHABLE.value) & ~Q(public_value="")
                | ~Q(kind=KeyKind.PUBLISHABLE.value) & Q(public_value=""),
            ),
            models.CheckConstraint(
                name="applications_key_replaced_ends",
                condition=Q(replaced_by__isnull=True) | Q(expires_at__isnull=False),
            ),
            models.CheckConstraint(name="applications_key_not_its_own_heir", condition=~Q(replaced_by=F("id"))),
        ]

    def __str__(self) -> str:
        return f"{self.prefix[:8]}…{self.last_four}"


class ApiKeyDigest(models.Model):
    """The HMAC of a key. No admin site registers this table, no serializer names it (ux 2b, rule 1)."""

    api_key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, primary_key=True, related_name="digest")
    key_id = models.CharField(max_length=16)
    digest = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return "digest"


class LiveAccessRequest(models.Model):
    """A team asks for live keys; support staff answer."""

    class Decision(models.TextChoices):
        PENDING = "pending", "Pending"
        GRANTED = "granted", "Granted"
        REFUSED = "refused", "Refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="live_requests")
    purpose = models.TextField()
    requested_by = models.CharField(max_length=200)
    requested_at = models.DateTimeField(auto_now_add=True)
    decision = models.CharField(max_length=8, choices=Decision.choices, default=Decision.PENDING)
    decided_by = models.CharField(max_length=200, blank=True, default="")
    decided_at = models.DateTimeField(null=True, blank=True)
    notes = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application"], condition=Q(decision="pending"), name="applications_one_open_request"
            ),
            models.CheckConstraint(
                name="applications_decision_is_whole",
                condition=Q(decision="pending", decided_at__isnull=True, decided_by="")
                | ~Q(decision="pending") & Q(decided_at__isnull=False) & ~Q(decided_by=""),
            ),
        ]

    def __str__(self) -> str:
        return f"Live access for {self.application}"


class IdempotencyRecord(models.Model):
    """What a POST with an `Idempotency-Key` answered. `status` is null while the first request runs.

    Shape of `body`: the answer's JSON, without its secret if it carried one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="idempotency_records")
    mode = models.CharField(max_length=4, choices=MODES)
    key = models.CharField(max_length=255)
    request_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="applications_idempotency_ends")]
        constraints = [
            models.UniqueConstraint(fields=["application", "mode", "key"], name="applications_idempotency_once"),
            models.CheckConstraint(
                name="applications_idempotency_answer",
                condition=Q(status__isnull=False) | Q(body__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status or 'running'} {self.created_at:%Y-%m-%d %H:%M:%S}"


class RateWindow(models.Model):
    """How often somebody has asked in the running minute. Not logged: a crash forgets it, and nobody minds.

    Shape of `subject`: a keyed hash of what is counted and for whom; no address and no key can be read from it.
    """

    subject = models.CharField(primary_key=True, max_length=64)
    began_at = models.DateTimeField()
    count = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["began_at"], name="applications_rate_began")]

    def __str__(self) -> str:
        return f"{self.count} since {self.began_at:%H:%M}"
