"""Patient authorizations on the wire; never a token, never the patient's id at the source."""

from __future__ import annotations

import datetime as dt

from rest_framework import serializers

from .models import STATES, USAGES, AuthorizationEvent, PatientAuthorization


class AuthorizationEventSerializer(serializers.ModelSerializer[AuthorizationEvent]):
    state = serializers.ChoiceField(STATES, read_only=True)

    class Meta:
        model = AuthorizationEvent
        fields = ["state", "at", "cause"]
        read_only_fields = fields


class AuthorizationSerializer(serializers.ModelSerializer[PatientAuthorization]):
    consent_id = serializers.UUIDField(read_only=True)
    external_id = serializers.CharField(
        source="consent.end_user.external_id", read_only=True, help_text="Your own name for the patient."
    )
    endpoint_id = serializers.UUIDField(read_only=True)
    endpoint_name = serializers.CharField(source="endpoint.name", read_only=True)
    state = serializers.ChoiceField(STATES, read_only=True)
    usage = serializers.ChoiceField(USAGES, read_only=True)
    ends_at = serializers.SerializerMethodField(
        help_text="When it ends unless it is renewed: its data's time, or what the source allows. Null when it is over."
    )

    class Meta:
        model = PatientAuthorization
        fields = [
            "id",
            "consent_id",
            "external_id",
            "endpoint_id",
            "endpoint_name",
            "mode",
            "state",
            "usage",
            "kind",
            "destination_patient_id",
            "current_seq",
            "last_synced_at",
            "next_refresh_at",
            "created_at",
            "authorized_at",
            "exchanged_at",
            "refreshed_at",
            "revoked_at",
            "ended_at",
            "ends_at",
            "purge_at",
            "purged_at",
            "error_code",
            "error_message",
        ]
        read_only_fields = fields

    def get_ends_at(self, row: PatientAuthorization) -> dt.datetime | None:
        # The verbs of `syncs` answer with a row that was not annotated.
        ends_at: dt.datetime | None = getattr(row, "ends_at", None)
        return ends_at


class AuthorizationDetailSerializer(AuthorizationSerializer):
    """One authorization with the timeline of its states."""

    events = AuthorizationEventSerializer(many=True, read_only=True)

    class Meta(AuthorizationSerializer.Meta):
        fields = [*AuthorizationSerializer.Meta.fields, "events"]
        read_only_fields = fields
