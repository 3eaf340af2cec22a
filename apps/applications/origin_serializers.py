"""Allowed origins on the wire."""

from __future__ import annotations

from rest_framework import serializers

from .models import AllowedOrigin
from .serializers import RequestSerializer, TextField


class AllowedOriginSerializer(serializers.ModelSerializer[AllowedOrigin]):
    """An origin as browsers send it, like `https://app.example`."""

    class Meta:
        model = AllowedOrigin
        fields = ["id", "mode", "origin", "created_at"]
        read_only_fields = fields


class NewOriginSerializer(RequestSerializer):
    origin = TextField(max_length=300)
