"""API keys on the wire; and the base of every request body."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from .keys import KeyKind
from .models import ApiKey

KEY_KINDS = [(kind.value, kind.value) for kind in KeyKind]
MAX_OVERLAP_SECONDS = 7 * 86_400


class RequestSerializer(serializers.Serializer[Any]):
    """A request body: a field that nobody reads is an error, not a silence."""

    def validate(self, attrs: Any) -> Any:
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError({name: ["Unknown field."] for name in unknown})
        return attrs


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    """A key as anybody may see it; `value` only where the key is public anyway."""

    kind = serializers.ChoiceField(KEY_KINDS, read_only=True)
    value = serializers.SerializerMethodField(
        method_name="text_of", help_text="The text of a publishable key; null for other keys."
    )
    replaced_by_id = serializers.UUIDField(read_only=True, allow_null=True)

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "kind",
            "mode",
            "prefix",
            "last_four",
            "value",
            "scopes",
            "note",
            "created_at",
            "created_by",
            "last_used_at",
            "last_used_ip",
            "expires_at",
            "replaced_by_id",
        ]
        read_only_fields = fields

    def text_of(self, key: ApiKey) -> str | None:
        return key.public_value or None


class IssuedApiKeySerializer(ApiKeySerializer):
    """A new key: the one answer that has its text."""

    value = serializers.CharField(  # type: ignore[assignment]
        read_only=True, help_text="The key. Store it now: it is not shown again (a publishable one is)."
    )


class NewApiKeySerializer(RequestSerializer):
    kind = serializers.ChoiceField(KEY_KINDS)
    note = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class RollApiKeySerializer(RequestSerializer):
    overlap_seconds = serializers.IntegerField(
        min_value=0,
        max_value=MAX_OVERLAP_SECONDS,
        default=86_400,
        help_text="How long the old key works on: a day unless told, 0 ends it now.",
    )
