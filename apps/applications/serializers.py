"""API keys on the wire; and the base of every request body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from apps.workspaces.models import ONE_LINE

from .keys import KeyKind
from .models import ApiKey

KEY_KINDS = [(kind.value, kind.value) for kind in KeyKind]
MAX_OVERLAP_SECONDS = 7 * 86_400
# How much of a field's name, and of how many, an answer repeats.
SHOWN_CHARS, SHOWN_FIELDS = 40, 20


class TextField(serializers.CharField):
    """One line of text and nothing else: REST framework would take a number, and 1e999 as "inf"."""

    default_error_messages = {"invalid": "Send a text."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.append(ONE_LINE)

    def to_internal_value(self, data: Any) -> str:
        """Raises: ValidationError."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ChoiceField(serializers.ChoiceField):
    """One of a few words. Says which; refuses to repeat what was sent."""

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        super().__init__(choices, **kwargs)
        self.error_messages["invalid_choice"] = f"Send one of: {', '.join(self.choices)}."


class RequestSerializer(serializers.Serializer[Any]):
    """A request body: a field that nobody reads is an error, not a silence; all errors are said at once."""

    default_error_messages = {
        "invalid": "Send a JSON object, not another kind of value.",
        "null": "Send a JSON object, not null.",
    }

    def to_internal_value(self, data: Any) -> Any:
        """Raises: ValidationError."""
        errors: dict[str, Any] = {}
        if isinstance(data, Mapping):
            known = ", ".join(self.fields) or "none, leave the body empty"
            unknown = sorted(set(data) - set(self.fields))
            errors = {name[:SHOWN_CHARS]: [f"Unknown field. Known: {known}."] for name in unknown[:SHOWN_FIELDS]}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**errors, **_by_field(error)}) from None
        if errors:
            raise serializers.ValidationError(errors)
        return value


def _by_field(error: serializers.ValidationError) -> dict[str, Any]:
    return error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}


class NoFieldsSerializer(RequestSerializer):
    """The body of a POST that takes no field: empty, or an empty object."""


def check_no_fields(request: Request) -> None:
    """Raises: ValidationError naming what was sent."""
    NoFieldsSerializer(data=request.data).is_valid(raise_exception=True)


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
    kind = ChoiceField(KEY_KINDS)
    note = TextField(max_length=200, required=False, allow_blank=True, default="")


class NoteSerializer(RequestSerializer):
    note = TextField(max_length=200, allow_blank=True)


class RollApiKeySerializer(RequestSerializer):
    overlap_seconds = serializers.IntegerField(
        min_value=0,
        max_value=MAX_OVERLAP_SECONDS,
        required=False,
        help_text="How long the old key works on, 0 ends it now. Unless told: a day in live, 0 in test.",
    )
