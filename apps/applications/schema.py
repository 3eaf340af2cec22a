"""How the management API describes itself (OpenAPI).

Owns what every operation has in common: its scope, the problem it answers errors with, `Idempotency-Key`;
refuses to describe other surfaces.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from .authentication import NEEDED
from .problems import CONTENT_TYPE

PREFIX = "/api/v1/"
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=(
        "Your own name for this request, 255 characters at most, remembered for 24 hours. A repeat answers"
        " what the first request answered; an answer that carried a secret comes back as 200 without it and"
        " with `secret_already_shown: true`."
    ),
)


class FieldErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="The field's name; empty for the request as a whole.")
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(help_text="A stable word for programs.")
    request_id = serializers.CharField()
    errors = FieldErrorSerializer(many=True, required=False)  # type: ignore[assignment]


class ManagementKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema names the bearer."""

    target_class = "apps.applications.authentication.ManagementKeyAuthentication"
    name = "managementKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": NEEDED}


class ManagementSchema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        return [*parameters, IDEMPOTENCY_KEY] if self.method == "POST" else parameters

    def get_description(self) -> str:  # type: ignore[override]
        is_reading = self.method == "GET"
        scope = getattr(self.view, "scope_read" if is_reading else "scope_write", None)
        description: str = super().get_description()
        return f"{description}\n\nScope: `{scope}`." if scope else description

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            problem = self.resolve_serializer(ProblemSerializer, "response")
            operation["responses"]["default"] = {
                "description": "An error, as a problem.",
                "content": {CONTENT_TYPE: {"schema": problem.ref}},
            }
        return operation


def only_management_api(endpoints: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Keep the bearer's mount: other surfaces and the session's copy of this one are described elsewhere."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(PREFIX)]
