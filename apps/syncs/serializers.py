"""Sync jobs on the wire."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import serializers

from .models import SyncJob
from .states import SyncCause, SyncState


class GapSerializer(serializers.Serializer[Any]):
    """A type of which this sync may lack something."""

    type = serializers.CharField()
    reason = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)


class RejectedSerializer(serializers.Serializer[Any]):
    """Resources that could not be read, by kind of fault."""

    type = serializers.CharField()
    code = serializers.CharField()
    count = serializers.IntegerField()


class SyncJobSerializer(serializers.ModelSerializer[SyncJob]):
    patient_authorization_id = serializers.UUIDField(source="authorization_id", read_only=True)
    consent_id = serializers.UUIDField(source="authorization.consent_id", read_only=True)
    state = serializers.ChoiceField([(state.value, state.value) for state in SyncState], read_only=True)
    cause = serializers.ChoiceField([(cause.value, cause.value) for cause in SyncCause], read_only=True)
    resource_counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    gaps = GapSerializer(many=True, read_only=True)
    rejected = RejectedSerializer(many=True, read_only=True)

    class Meta:
        model = SyncJob
        fields = [
            "id",
            "patient_authorization_id",
            "consent_id",
            "mode",
            "state",
            "cause",
            "seq",
            "attempts",
            "requests_made",
            "resource_counts",
            "gaps",
            "rejected",
            "transaction_time",
            "created_at",
            "started_at",
            "ended_at",
            "error_code",
            "error_message",
        ]
        read_only_fields = fields


class SyncJobDetailSerializer(SyncJobSerializer):
    """One job with what the source said when it refused."""

    source_outcome = serializers.SerializerMethodField(help_text="The source's OperationOutcome, or null.")

    class Meta(SyncJobSerializer.Meta):
        fields = [*SyncJobSerializer.Meta.fields, "source_outcome"]
        read_only_fields = fields

    def get_source_outcome(self, job: SyncJob) -> dict[str, Any] | None:
        try:
            outcome = json.loads(job.source_outcome)
        except ValueError:
            return None
        return outcome if isinstance(outcome, dict) else None
