"""Destinations, deliveries and attempts on the wire; the external ID in one answer only."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.applications.serializers import ChoiceField, RequestSerializer, TextField

from .connectors.base import StepResult
from .models import KINDS, ConnectionTest, Delivery, DeliveryAttempt, Destination
from .states import CLAIMABLE, DeliveryKind, DeliveryState, DestinationState

DESTINATION_STATES = [(state.value, state.value) for state in DestinationState]
DELIVERY_STATES = [(state.value, state.value) for state in DeliveryState]
DELIVERY_KINDS = [(kind.value, kind.value) for kind in DeliveryKind]
MAX_REPLAYS = 100
SHOWN_ONCE = "Put it into the role's trust policy now: it is not shown again."


class DestinationSerializer(serializers.ModelSerializer[Destination]):
    kind = serializers.ChoiceField(KINDS, read_only=True)
    state = serializers.ChoiceField(DESTINATION_STATES, read_only=True)
    enabled = serializers.BooleanField(read_only=True)
    path_template = serializers.SerializerMethodField(help_text="How the keys of objects are made.")

    class Meta:
        model = Destination
        fields = [
            "id",
            "name",
            "kind",
            "mode",
            "state",
            "enabled",
            "paused_reason",
            "bucket",
            "region",
            "role_arn",
            "prefix",
            "path_template",
            "kms_key_arn",
            "expected_bucket_owner",
            "config_version",
            "test_passed_at",
            "created_at",
        ]
        read_only_fields = fields

    def get_path_template(self, destination: Destination) -> str:
        layout = "{externalId}/{consentId}/{patientAuthorizationId}/{timestamp}-{syncJobId}.ndjson"
        return f"{destination.prefix}{layout}"


class CreatedDestinationSerializer(DestinationSerializer):
    """A new destination: the one answer that has its external ID."""

    external_id = serializers.CharField(read_only=True, help_text=SHOWN_ONCE)

    class Meta(DestinationSerializer.Meta):
        fields = [*DestinationSerializer.Meta.fields, "external_id"]
        read_only_fields = fields


class ChangeDestinationSerializer(RequestSerializer):
    """Fields of a destination; what is wrong with their values is the service's to say."""

    name = TextField(required=False, max_length=100)
    bucket = TextField(required=False)
    region = TextField(required=False)
    role_arn = TextField(required=False)
    prefix = TextField(required=False, allow_blank=True, help_text="flexpa/ unless told.")
    kms_key_arn = TextField(required=False, allow_blank=True)
    expected_bucket_owner = TextField(required=False, allow_blank=True, help_text="The role's account unless told.")


class NewDestinationSerializer(ChangeDestinationSerializer):
    kind = ChoiceField(KINDS, default="s3")
    name = TextField(max_length=100)
    bucket = TextField()
    region = TextField()
    role_arn = TextField()


class StepSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    result = serializers.ChoiceField([result.value for result in StepResult])
    code = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)
    advice = serializers.CharField(allow_blank=True)
    snippet = serializers.CharField(allow_blank=True)
    where = serializers.CharField(default="", allow_blank=True, help_text="Which policy the snippet belongs in.")
    also = serializers.ListField(child=serializers.DictField(child=serializers.CharField()), default=list)
    fix = serializers.DictField(child=serializers.CharField(), default=dict, help_text="Fields to set.")
    owner = serializers.CharField(default="", allow_blank=True, help_text="customer or us.")
    request_id = serializers.CharField(allow_blank=True)
    milliseconds = serializers.IntegerField()


class ConnectionTestSerializer(serializers.ModelSerializer[ConnectionTest]):
    steps = StepSerializer(many=True, read_only=True)

    class Meta:
        model = ConnectionTest
        fields = ["passed", "ran_at", "steps"]
        read_only_fields = fields


class PoliciesSerializer(serializers.Serializer[Any]):
    """Texts to paste into AWS, with a placeholder for the external ID."""

    trust_policy = serializers.CharField()
    role_policy = serializers.CharField()


class RotatedExternalIdSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    external_id = serializers.CharField(help_text=SHOWN_ONCE)


class DestinationIdSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()


class BackfillSerializer(serializers.Serializer[Any]):
    deliveries_made = serializers.IntegerField()


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    destination_id = serializers.UUIDField(read_only=True)
    patient_authorization_id = serializers.UUIDField(source="authorization_id", read_only=True)
    consent_id = serializers.UUIDField(source="authorization.consent_id", read_only=True)
    external_id = serializers.CharField(read_only=True, help_text="Your own name for the patient.")
    kind = serializers.ChoiceField(DELIVERY_KINDS, read_only=True)
    state = serializers.ChoiceField(DELIVERY_STATES, read_only=True)
    replay_of_id = serializers.UUIDField(read_only=True, allow_null=True)
    resource_counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)
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


class ReplaySerializer(RequestSerializer):
    delivery_ids = serializers.ListField(
        child=serializers.UUIDField(),
        min_length=1,
        max_length=MAX_REPLAYS,
        help_text="All are replayed, or none.",
    )


class ReplayedSerializer(serializers.Serializer[Any]):
    data = DeliverySerializer(many=True)  # type: ignore[assignment]
