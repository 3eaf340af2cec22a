"""Destinations and connection tests on the wire; the external ID in one answer only."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.applications.serializers import ChoiceField, RequestSerializer, TextField

from ..connectors.base import StepResult
from ..health import health_of
from ..models import KINDS, Backfill, ConnectionTest, Destination
from ..states import BulkState, Contents, DestinationState

DESTINATION_STATES = [(state.value, state.value) for state in DestinationState]
CONTENTS = [(each.value, each.value) for each in Contents]
CONTENTS_HELP = (
    "`snapshot` (unless told): everything that is visible after the sync. `delta`: what has changed since the last"
    " delivery that arrived; it turns `manifest` and `tombstones` on."
)
MANIFEST_HELP = "A second object, written last, that lists the others with their sizes and hashes. Off unless told."
TOMBSTONES_HELP = "What is gone is said: an object of deletions beside the data. Off unless told."
SHOWN_ONCE = "Put it into the role's trust policy now: it is not shown again."


class HealthSerializer(serializers.Serializer[Any]):
    failing_since = serializers.DateTimeField(allow_null=True, help_text="Nothing has arrived since.")
    resumes_at = serializers.DateTimeField(
        allow_null=True, help_text="After failures in a row it is left alone so long."
    )
    next_alert_at = serializers.DateTimeField(allow_null=True, help_text="Owners and admins are mailed then.")
    pauses_at = serializers.DateTimeField(allow_null=True, help_text="It is paused then; its deliveries are held.")


class DestinationSerializer(serializers.ModelSerializer[Destination]):
    kind = serializers.ChoiceField(KINDS, read_only=True)
    state = serializers.ChoiceField(DESTINATION_STATES, read_only=True)
    enabled = serializers.BooleanField(read_only=True)
    path_template = serializers.SerializerMethodField(help_text="How the keys of objects are made.")
    contents = serializers.ChoiceField(CONTENTS, read_only=True, help_text=CONTENTS_HELP)
    manifest = serializers.BooleanField(read_only=True, help_text=MANIFEST_HELP)
    tombstones = serializers.BooleanField(read_only=True, help_text=TOMBSTONES_HELP)
    health = serializers.SerializerMethodField(help_text="Instants, all null while deliveries arrive.")

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
            "contents",
            "manifest",
            "tombstones",
            "health",
            "config_version",
            "test_passed_at",
            "created_at",
        ]
        read_only_fields = fields

    def get_path_template(self, destination: Destination) -> str:
        layout = "{externalId}/{consentId}/{patientAuthorizationId}/{timestamp}-{syncJobId}.ndjson"
        return f"{destination.prefix}{layout}"

    @extend_schema_field(HealthSerializer)
    def get_health(self, destination: Destination) -> dict[str, Any]:
        return dict(HealthSerializer(health_of(destination, now=timezone.now())).data)


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
    contents = ChoiceField(CONTENTS, required=False, help_text=CONTENTS_HELP)
    manifest = serializers.BooleanField(required=False, help_text=MANIFEST_HELP)
    tombstones = serializers.BooleanField(required=False, help_text=TOMBSTONES_HELP)


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


class BackfillSerializer(serializers.ModelSerializer[Backfill]):
    state = serializers.ChoiceField([(state.value, state.value) for state in BulkState], read_only=True)
    made_count = serializers.IntegerField(read_only=True, help_text="How many of them have been made so far.")
    deliveries_made = serializers.IntegerField(
        source="planned_count", read_only=True, help_text="`planned_count`, by its earlier name."
    )

    class Meta:
        model = Backfill
        fields = ["id", "state", "planned_count", "made_count", "deliveries_made", "created_at", "ended_at"]
        read_only_fields = fields


class MissingSerializer(serializers.Serializer[Any]):
    """What a back-fill would deliver, and the one that is under way."""

    deliveries = serializers.IntegerField(help_text="How many deliveries are missing now.")
    running = BackfillSerializer(allow_null=True)
