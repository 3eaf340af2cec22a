"""The endpoint directory: sources that a patient can connect. Source: wire contract 9."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models


class EndpointStatus(models.TextChoices):
    CONNECTED = "CONNECTED", "Connected"
    IN_PROGRESS = "IN_PROGRESS", "In progress"
    BROKEN = "BROKEN", "Broken"
    UNKNOWN = "UNKNOWN", "Unknown"
    UNAVAILABLE = "UNAVAILABLE", "Unavailable"


class Endpoint(models.Model):
    """One source in one mode. `max_auth_seconds`: null = unknown, 0 = no end."""

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
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mode", "name"], name="directory_name_once"),
            # The other half of the composite key by which an authorization keeps to its endpoint's mode.
            models.UniqueConstraint(fields=["id", "mode"], name="directory_endpoint_scope"),
        ]

    def __str__(self) -> str:
        return self.label[0] if self.label else self.name
