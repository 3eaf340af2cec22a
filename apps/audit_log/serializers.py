"""Audit events on the wire."""

from __future__ import annotations

from rest_framework import serializers

from apps.audit.models import AuditEvent


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    """Who did what, to what, when. `id` is the order of the chain; `seal_number` is null until it is sealed."""

    class Meta:
        model = AuditEvent
        fields = [
            "id",
            "at",
            "mode",
            "action",
            "actor_kind",
            "actor_id",
            "actor_label",
            "target_type",
            "target_id",
            "detail",
            "ip",
            "request_id",
            "seal_number",
        ]
        read_only_fields = fields
