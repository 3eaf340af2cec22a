"""Destinations and connection tests on the wire; the external ID in one answer only."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.applications.serializers import ChoiceField, RequestSerializer, TextField

from ..connectors.base import StepResult
from ..models import KINDS, ConnectionTest, Destination
from ..states import DestinationState

DESTINATION_STATES = [(state.value, state.value) for state in DestinationState]
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
    """Texts to paste into AWS, with a placeholder for the external ID.

    The policies as JSON; both statements are for policies that you have already, and empty when not needed.
    """

    trust_policy = serializers.CharField()
    role_policy = serializers.CharField()
    bucket_policy_statement = serializers.CharField(allow_blank=True)
    key_policy_statement = serializers.CharField(allow_blank=True)
    aws_cli = serializers.CharField(help_text="Commands for a POSIX shell.")
    terraform = serializers.CharField()
    cloudformation = serializers.CharField(help_text="YAML.")


class RotatedExternalIdSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    external_id = serializers.CharField(help_text=SHOWN_ONCE)


class DestinationIdSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()


class BackfillSerializer(serializers.Serializer[Any]):
    deliveries_made = serializers.IntegerField()
