"""Endpoints on the wire. Source: wire contract 9."""

from __future__ import annotations

from rest_framework import serializers

from .models import Endpoint, EndpointStatus


class EndpointSerializer(serializers.ModelSerializer[Endpoint]):
    """A source that a patient can connect; nothing of how we sign in there."""

    kind = serializers.CharField(read_only=True, help_text="How a patient signs in there, as OAUTH.")
    status = serializers.ChoiceField(EndpointStatus.choices, read_only=True)

    class Meta:
        model = Endpoint
        fields = [
            "id",
            "mode",
            "name",
            "label",
            "kind",
            "status",
            "fhir_base",
            "refreshable",
            "max_auth_seconds",
            "updated_at",
        ]
        read_only_fields = fields
