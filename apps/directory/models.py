"""The endpoint directory: sources that a patient can connect. Source: wire contract 9."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

# Fewer would not do: a step of a sync needs two requests to get anywhere.
LEAST_PER_MINUTE = 6


class EndpointStatus(models.TextChoices):
    CONNECTED = "CONNECTED", "Connected"
    IN_PROGRESS = "IN_PROGRESS", "In progress"
    BROKEN = "BROKEN", "Broken"
    UNKNOWN = "UNKNOWN", "Unknown"
    UNAVAILABLE = "UNAVAILABLE", "Unavailable"


class Endpoint(models.Model):
    """One source in one mode. `max_auth_seconds`: null = unknown, 0 = no end.

    `concurrent_syncs` of all teams run at once there; `requests_per_minute`: null = no limit.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    mode = models.CharField(max_length=4, choices=[("test", "test"), ("live", "live")])
    name = models.CharField(max_length=100)
    label = ArrayField(models.CharField(max_length=100))
    kind = models.CharField(max_length=8, choices=[("OAUTH", "OAuth")], default="OAUTH")
    status = models.CharField(max_length=16, choices=EndpointStatus.choices, default=EndpointStatus.CONNECTED)
    fhir_base = models.URLField(max_length=300)
    client_id = models.CharField(max_length=200)
    refreshable = models.BooleanField(default=True)
    max_auth_seconds = models.PositiveIntegerField(null=True, blank=True)
    popularity = models.PositiveIntegerField(default=0)
    concurrent_syncs = models.PositiveSmallIntegerField(default=8, validators=[MinValueValidator(1)])
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(LEAST_PER_MINUTE)]
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mode", "name"], name="directory_name_once"),
            # The other half of the composite key by which an authorization keeps to its endpoint's mode.
            models.UniqueConstraint(fields=["id", "mode"], name="directory_endpoint_scope"),
            models.CheckConstraint(name="directory_syncs_one_or_more", condition=Q(concurrent_syncs__gte=1)),
            models.CheckConstraint(
                name="directory_budget_gets_somewhere",
                condition=Q(requests_per_minute=None) | Q(requests_per_minute__gte=LEAST_PER_MINUTE),
            ),
        ]

    def __str__(self) -> str:
        return self.label[0] if self.label else self.name


class EndpointBudget(models.Model):
    """What may be asked of an endpoint now: a bucket of tokens, and until when it wants to be left alone.

    Made when it is first needed; written by `services.budgets` alone, by the database's clock.
    """

    endpoint = models.OneToOneField(Endpoint, on_delete=models.CASCADE, primary_key=True, related_name="budget")
    tokens = models.FloatField()
    refilled_at = models.DateTimeField()
    # Before that no sync of the endpoint is begun: it would have to stop after a request or two.
    ready_at = models.DateTimeField(null=True, blank=True)
    closed_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.endpoint_id}: {self.tokens:.1f}"
