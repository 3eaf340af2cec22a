"""Deliveries, their attempts, and actions on many of them on the wire."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.applications.serializers import RequestSerializer

from ..manifests import Role
from ..models import BulkAction, BulkActionItem, Delivery, DeliveryAttempt
from ..selectors import plan_of
from ..states import CLAIMABLE, BulkItemState, BulkState, BulkVerb, DeliveryKind, DeliveryState

DELIVERY_STATES = [(state.value, state.value) for state in DeliveryState]
DELIVERY_KINDS = [(kind.value, kind.value) for kind in DeliveryKind]
MAX_NAMED = 1_000


class PartSerializer(serializers.Serializer[Any]):
    role = serializers.CharField(help_text=f"One of {', '.join(Role)}.")
    key = serializers.CharField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    lines = serializers.IntegerField()


class DeliveryGapSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    reason = serializers.CharField()


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    destination_id = serializers.UUIDField(read_only=True)
    patient_authorization_id = serializers.UUIDField(source="authorization_id", read_only=True)
    consent_id = serializers.UUIDField(source="authorization.consent_id", read_only=True)
    external_id = serializers.CharField(read_only=True, help_text="Your own name for the patient.")
    kind = serializers.ChoiceField(DELIVERY_KINDS, read_only=True)
    state = serializers.ChoiceField(DELIVERY_STATES, read_only=True)
    replay_of_id = serializers.UUIDField(read_only=True, allow_null=True)
    resource_counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    contents = serializers.SerializerMethodField(
        help_text="What it holds: `snapshot` (everything), `delta` (what has changed since `base_seq`) or `tombstone`"
        " (that all is gone). Decided at the first attempt; null before it."
    )
    base_seq = serializers.SerializerMethodField(help_text="The sync that changes and deletions count from.")
    base_delivery_id = serializers.SerializerMethodField(help_text="The delivery that brought that sync.")
    parts = PartSerializer(many=True, read_only=True, help_text="Its objects, if its destination seals deliveries.")
    gaps = DeliveryGapSerializer(many=True, read_only=True, help_text="Types that the sync could not load whole.")
    next_attempt_at = serializers.SerializerMethodField(help_text="null when no further attempt is planned.")

    class Meta:
        model = Delivery
        fields = [
            "id",
            "destination_id",
            "sync_job_id",
            "patient_authorization_id",
            "consent_id",
            "external_id",
            "kind",
            "state",
            "reason",
            "object_key",
            "bytes",
            "resources",
            "sha256",
            "resource_counts",
            "contents",
            "base_seq",
            "base_delivery_id",
            "parts",
            "gaps",
            "attempts",
            "next_attempt_at",
            "created_at",
            "delivered_at",
            "replay_of_id",
            "give_up_at",
            "error_code",
            "error_message",
            "error_owner",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_contents(self, delivery: Delivery) -> str | None:
        plan = plan_of(delivery)
        return plan.contents if plan else None

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_base_seq(self, delivery: Delivery) -> int | None:
        plan = plan_of(delivery)
        return plan.base_seq if plan else None

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_base_delivery_id(self, delivery: Delivery) -> str | None:
        plan = plan_of(delivery)
        return plan.base_delivery or None if plan else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_attempt_at(self, delivery: Delivery) -> str | None:
        if delivery.state not in CLAIMABLE:
            return None
        return str(serializers.DateTimeField().to_representation(delivery.next_attempt_at))


class DeliveryAttemptSerializer(serializers.ModelSerializer[DeliveryAttempt]):
    class Meta:
        model = DeliveryAttempt
        fields = [
            "number",
            "started_at",
            "milliseconds",
            "succeeded",
            "already_there",
            "unknown_outcome",
            "stage",
            "code",
            "message",
            "owner",
            "request_id",
            "config_version",
        ]
        read_only_fields = fields


class ManySerializer(RequestSerializer):
    """Which deliveries: named one by one, or all that a filter of the list matches. One of the two."""

    delivery_ids = serializers.ListField(
        child=serializers.UUIDField(),
        min_length=1,
        max_length=MAX_NAMED,
        required=False,
        help_text="Deliveries of this application and mode.",
    )
    filter = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        help_text="The parameters of the list and their values, a text or a list of texts; `{}` means all of them.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises: ValidationError."""
        if len(attrs) != 1:
            raise serializers.ValidationError(
                dict.fromkeys(attrs or self.fields, "Send either delivery_ids or filter.")
            )
        return attrs


class BulkActionSerializer(serializers.ModelSerializer[BulkAction]):
    action = serializers.ChoiceField([(verb.value, verb.value) for verb in BulkVerb], source="verb", read_only=True)
    state = serializers.ChoiceField([(state.value, state.value) for state in BulkState], read_only=True)
    filter = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        read_only=True,
        allow_null=True,
        help_text="What was asked for; null when deliveries were named.",
    )
    asked_by = serializers.SerializerMethodField(help_text="The person or key that asked.")

    class Meta:
        model = BulkAction
        fields = [
            "id",
            "action",
            "state",
            "filter",
            "delivery_count",
            "done_count",
            "skipped_count",
            "asked_by",
            "created_at",
            "ended_at",
        ]
        read_only_fields = fields

    def get_asked_by(self, action: BulkAction) -> str:
        return str(action.asked_by.get("label", ""))


class BulkActionItemSerializer(serializers.ModelSerializer[BulkActionItem]):
    """One delivery of a bulk action; one that was skipped says why."""

    delivery_id = serializers.UUIDField(read_only=True)
    state = serializers.ChoiceField([(state.value, state.value) for state in BulkItemState], read_only=True)
    new_delivery_id = serializers.UUIDField(source="made_id", read_only=True, allow_null=True, help_text="The replay.")

    class Meta:
        model = BulkActionItem
        fields = ["number", "delivery_id", "state", "code", "message", "new_delivery_id"]
        read_only_fields = fields
