"""Consents, patient authorizations, and the tokens of both directions."""

import datetime as dt
import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.applications.models import MODES, Application
from apps.directory.models import Endpoint
from apps.encryption.fields import SealedField

from .states import ACTIVE, UNFINISHED, AuthorizationState, Usage

USAGES = [(usage.value, usage.value) for usage in Usage]
STATES = [(state.value, state.value) for state in AuthorizationState]


class EndUser(models.Model):
    """The application's own name for a person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="end_users")
    mode = models.CharField(max_length=4, choices=MODES)
    external_id = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "mode", "external_id"], name="authorizations_end_user_once")
        ]

    def __str__(self) -> str:
        return self.external_id


class ConsentText(models.Model):
    """What the patient read, word for word. Rows never change (rulings B17)."""

    version = models.CharField(max_length=40)
    locale = models.CharField(max_length=8)
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "locale"], name="authorizations_consent_text_once")]

    def __str__(self) -> str:
        return f"{self.version} ({self.locale})"


class Consent(models.Model):
    """One opening of the consent pages; once agreed, the boundary of its tokens."""

    class Flow(models.TextChoices):
        OAUTH = "oauth", "OAuth with PKCE"
        LINK = "link", "Link widget"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="consents")
    mode = models.CharField(max_length=4, choices=MODES)
    end_user = models.ForeignKey(EndUser, on_delete=models.PROTECT, related_name="consents")
    flow = models.CharField(max_length=8, choices=Flow.choices)
    usage = models.CharField(max_length=8, choices=USAGES)
    scope = models.CharField(max_length=200, blank=True, default="")
    # How the answer goes back to the application (OAuth flow only).
    redirect_uri = models.CharField(max_length=500, blank=True, default="")
    client_state = models.CharField(max_length=1000, blank=True, default="")
    code_challenge = models.CharField(max_length=43, blank=True, default="")
    # The website that holds the widget's frame; its page is told the public token (Link flow only).
    opener_origin = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    # What was agreed (rulings B17), all or nothing.
    agreed_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    text = models.ForeignKey(ConsentText, on_delete=models.PROTECT, null=True, blank=True)
    terms_version = models.CharField(max_length=40, blank=True, default="")
    ip = models.CharField(max_length=45, blank=True, default="")
    user_agent = models.CharField(max_length=300, blank=True, default="")
    shared_kinds = ArrayField(models.CharField(max_length=40), default=list, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "application", "mode"], name="authorizations_consent_scope"),
            models.CheckConstraint(
                name="authorizations_agreement_is_whole",
                condition=Q(agreed_at__isnull=True, text__isnull=True) | Q(agreed_at__isnull=False, text__isnull=False),
            ),
            models.CheckConstraint(
                name="authorizations_agreed_or_refused",
                condition=Q(agreed_at__isnull=True) | Q(refused_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class PatientAuthorization(models.Model):
    """One source under one consent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="authorizations")
    # Copied from the consent; composite keys in the database keep the copies true.
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="authorizations")
    mode = models.CharField(max_length=4, choices=MODES)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="authorizations")
    state = models.CharField(max_length=16, choices=STATES, default=AuthorizationState.CREATED.value)
    kind = models.CharField(max_length=8, default="OAUTH")  # the AuthorizationType tag
    usage = models.CharField(max_length=8, choices=USAGES)
    source_patient_id = models.CharField(max_length=256, blank=True, default="")
    destination_patient_id = models.UUIDField(null=True, blank=True)
    # The sequence of the sync whose result is visible; 0 = nothing yet (D4).
    current_seq = models.PositiveIntegerField(default=0)
    current_sync_job_id = models.UUIDField(null=True, blank=True)  # plain: syncs stand above
    # What that sync could not load whole. Shape: [{"type": "Claim", "reason": "failed"}].
    current_gaps = models.JSONField(default=list, blank=True)
    last_synced_at = models.DateTimeField(null=True, blank=True)
    next_refresh_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    authorized_at = models.DateTimeField(null=True, blank=True)
    exchanged_at = models.DateTimeField(null=True, blank=True)
    refreshed_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    purge_at = models.DateTimeField(null=True, blank=True)
    purged_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=100, blank=True, default="")
    error_message = models.TextField(blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["application", "mode", "-created_at", "id"], name="authorizations_list"),
            models.Index(
                fields=["created_at", "id"],
                name="authorizations_unfinished",
                condition=Q(state__in=[state.value for state in UNFINISHED]),
            ),
            models.Index(
                fields=["next_refresh_at"],
                name="authorizations_refresh_due",
                condition=Q(next_refresh_at__isnull=False),
            ),
            models.Index(
                fields=["purge_at"],
                name="authorizations_purge_due",
                condition=Q(purge_at__isnull=False, purged_at__isnull=True),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["id", "application", "mode"], name="authorizations_scope"),
            models.CheckConstraint(
                name="authorizations_active_has_patient",
                condition=~Q(state__in=[state.value for state in ACTIVE])
                | (~Q(source_patient_id="") & Q(destination_patient_id__isnull=False)),
            ),
            models.CheckConstraint(
                name="authorizations_revoked_at_with_state",
                condition=Q(state=AuthorizationState.REVOKED.value, revoked_at__isnull=False)
                | (~Q(state=AuthorizationState.REVOKED.value) & Q(revoked_at__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    def is_active(self, now: dt.datetime) -> bool:
        """Whether its data may be fetched, served and delivered now."""
        return self.state in ACTIVE and (self.purge_at is None or self.purge_at > now)

    @property
    def is_unfinished(self) -> bool:
        return self.state in UNFINISHED


class AuthorizationEvent(models.Model):
    """One step of an authorization's life, for the timeline."""

    authorization = models.ForeignKey(PatientAuthorization, on_delete=models.CASCADE, related_name="events")
    state = models.CharField(max_length=16, choices=STATES)
    at = models.DateTimeField()
    cause = models.CharField(max_length=200, blank=True, default="")

    def __str__(self) -> str:
        return f"{self.state} {self.at:%Y-%m-%d %H:%M:%S}"


class SourceSignIn(models.Model):
    """The patient's way to the source and back: state and PKCE verifier of our request there."""

    authorization = models.OneToOneField(
        PatientAuthorization, on_delete=models.CASCADE, primary_key=True, related_name="sign_in"
    )
    state_digest = models.BinaryField(max_length=32, unique=True)
    code_verifier = SealedField(purpose="authorizations_sourcesignin.code_verifier")
    token_url = models.CharField(max_length=500)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.authorization_id)


class SourceToken(models.Model):
    """The source's tokens, sealed; one refresh at a time, committed before use (queue.md 5.2)."""

    authorization = models.OneToOneField(
        PatientAuthorization, on_delete=models.CASCADE, primary_key=True, related_name="source_token"
    )
    access_token = SealedField(purpose="authorizations_sourcetoken.access_token")
    refresh_token = SealedField(purpose="authorizations_sourcetoken.refresh_token", null=True)
    token_url = models.CharField(max_length=500)
    expires_at = models.DateTimeField()
    refreshed_at = models.DateTimeField(null=True, blank=True)
    # Whoever refreshes holds this until then: a lock on the row without a transaction open over the network.
    refreshing_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.authorization_id)


class OneTimeToken(models.Model):
    """What ends a consent at the application: an authorization code or a public token. Single use, HMAC kept."""

    class Kind(models.TextChoices):
        CODE = "code", "Authorization code"
        PUBLIC_TOKEN = "public_token", "Public token"

    consent = models.OneToOneField(Consent, on_delete=models.CASCADE, related_name="one_time_token")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    key_id = models.CharField(max_length=16)
    digest = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.kind


class AccessToken(models.Model):
    """An issued JWT, by its jti: what makes it revocable."""

    jti = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="access_tokens")
    mode = models.CharField(max_length=4, choices=MODES)
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, null=True, blank=True, related_name="access_tokens")
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.jti)


class RefreshToken(models.Model):
    """Single use; using one twice ends its family (D11)."""

    consent = models.ForeignKey(Consent, on_delete=models.CASCADE, related_name="refresh_tokens")
    family = models.UUIDField()
    key_id = models.CharField(max_length=16)
    digest = models.BinaryField(max_length=32, unique=True)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["family"], name="authorizations_refresh_family")]

    def __str__(self) -> str:
        return str(self.family)


class SigningKey(models.Model):
    """A key pair that signs access tokens (ES256); the private half sealed, the public half published."""

    kid = models.CharField(max_length=64, primary_key=True)
    private_jwk = SealedField(purpose="authorizations_signingkey.private_jwk")
    public_jwk = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.kid
