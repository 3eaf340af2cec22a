"""Members and invitations on the wire. Refuses an invitation's link: it is in its mail alone."""

from __future__ import annotations

from django.utils import timezone
from rest_framework import serializers

from apps.workspaces.models import Invitation, Membership, Role

from .serializers import ChoiceField, RequestSerializer, TextField


class MemberSerializer(serializers.ModelSerializer[Membership]):
    user_id = serializers.UUIDField(read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    name = serializers.CharField(source="user.name", read_only=True)
    has_second_factor = serializers.BooleanField(read_only=True)
    last_sign_in_at = serializers.DateTimeField(source="user.last_login", read_only=True, allow_null=True)

    class Meta:
        model = Membership
        fields = [
            "id",
            "user_id",
            "email",
            "name",
            "role",
            "has_second_factor",
            "last_sign_in_at",
            "created_at",
        ]
        read_only_fields = fields


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    is_open = serializers.SerializerMethodField(help_text="Whether its link works now.")

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "is_open", "invited_by", "created_at", "sent_at", "expires_at"]
        read_only_fields = fields

    def get_is_open(self, invitation: Invitation) -> bool:
        return invitation.is_open(timezone.now())


class RoleSerializer(RequestSerializer):
    role = ChoiceField(Role.choices)


class NewInvitationSerializer(RoleSerializer):
    email = TextField(max_length=254, help_text="Where the link goes; only its owner can use it.")

    def validate_email(self, value: str) -> str:
        """Raises: ValidationError."""
        return str(serializers.EmailField().run_validation(value))
