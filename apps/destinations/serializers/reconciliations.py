"""Comparisons of a storage with our records on the wire."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ..models import Reconciliation
from ..selectors import COUNTED, policies_for_reading
from ..states import FindingKind, ReconciliationState

HELP = {
    "objects": "What lies below the prefix, connection tests aside.",
    "delivered": "Deliveries whose objects were compared.",
    "waiting": "Deliveries that are still on their way, or held.",
    "failed": "Deliveries that failed.",
    "purged": "Deliveries whose data is purged: their objects may be gone too.",
    "elsewhere": "Deliveries from before the destination was pointed here.",
    "missing": "Delivered, and the object is not there.",
    "changed": "Delivered, and the object has other bytes now.",
    "duplicate": "No delivery names the object; its bytes are a delivered one's.",
    "extra": "No delivery names the object.",
    "unscheduled": "Current syncs that have no delivery here.",
}


class CountsSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {name: serializers.IntegerField(help_text=HELP[name]) for name in COUNTED}


class FindingSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField([kind.value for kind in FindingKind])
    key = serializers.CharField(allow_blank=True, help_text="The object's key; empty for a sync without a delivery.")
    delivery_id = serializers.CharField(allow_blank=True, help_text="The delivery that it is about, if there is one.")
    message = serializers.CharField()


class ReconciliationSerializer(serializers.ModelSerializer[Reconciliation]):
    destination_id = serializers.UUIDField(read_only=True)
    state = serializers.ChoiceField([(state.value, state.value) for state in ReconciliationState], read_only=True)
    counts = serializers.SerializerMethodField(help_text="So far, while it runs.")
    compared_bytes = serializers.BooleanField(
        read_only=True, help_text="false: of some objects the lengths alone were compared; error_code says why."
    )
    asked_by = serializers.SerializerMethodField(help_text="The person or key that asked.")
    error_code = serializers.CharField(
        read_only=True, help_text="A permission that your role lacks (such as s3:ListBucket), or the storage's code."
    )

    class Meta:
        model = Reconciliation
        fields = [
            "id",
            "destination_id",
            "state",
            "counts",
            "compared_bytes",
            "asked_by",
            "created_at",
            "ended_at",
            "error_code",
            "error_message",
            "error_owner",
        ]
        read_only_fields = fields

    @extend_schema_field(CountsSerializer)
    def get_counts(self, run: Reconciliation) -> dict[str, int]:
        return {name: run.counts.get(name, 0) for name in COUNTED}

    def get_asked_by(self, run: Reconciliation) -> str:
        return str(run.asked_by.get("label", ""))


class ReconciliationDetailSerializer(ReconciliationSerializer):
    """One comparison with what it found."""

    findings = FindingSerializer(many=True, read_only=True, help_text="The first thousand; `counts` has all of them.")
    policies = serializers.SerializerMethodField(
        help_text="What to paste so that all can be compared, by the policy that it belongs in; empty if nothing lacks."
    )

    class Meta(ReconciliationSerializer.Meta):
        fields = [*ReconciliationSerializer.Meta.fields, "findings", "policies"]
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_policies(self, run: Reconciliation) -> dict[str, str]:
        return policies_for_reading(run)
