"""Discovery documents with our own issuer. Source: wire contract 3b; RFC 8414; RFC 9728; SMART App Launch."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, JsonResponse

from apps.authorizations.selectors import list_public_jwks

SCOPES = ["launch/patient", "offline_access"]
# Resources that our tokens open, by the last part of their metadata's address (RFC 9728 3.1).
RESOURCES = {"": "/mcp", "mcp": "/mcp", "fhir": "/fhir"}


def jwks(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"keys": list_public_jwks()})


def smart_configuration(request: HttpRequest) -> JsonResponse:
    return JsonResponse(
        {
            "issuer": settings.PUBLIC_URL,
            "authorization_endpoint": f"{settings.PUBLIC_URL}/link/auth",
            "token_endpoint": f"{settings.PUBLIC_URL}/link/token",
            "introspection_endpoint": f"{settings.PUBLIC_URL}/link/introspect",
            "jwks_uri": f"{settings.PUBLIC_URL}/.well-known/jwks.json",
            "scopes_supported": SCOPES,
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "capabilities": [
                "launch-standalone", "client-public", "client-confidential-symmetric",
                "context-standalone-patient", "permission-offline", "permission-patient",
            ],
        }
    )  # fmt: skip


def authorization_server(request: HttpRequest) -> JsonResponse:
    return JsonResponse(_authorization_server())


def openid_configuration(request: HttpRequest) -> JsonResponse:
    """The same for clients that look here first; no ID tokens are issued (the contract lists their algorithm)."""
    more = {"subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"]}
    return JsonResponse({**_authorization_server(), **more})


def protected_resource(request: HttpRequest, resource: str = "") -> JsonResponse:
    if resource not in RESOURCES:
        raise Http404
    return JsonResponse(
        {
            "resource": f"{settings.PUBLIC_URL}{RESOURCES[resource]}",
            "authorization_servers": [settings.PUBLIC_URL],
            "scopes_supported": SCOPES,
            "bearer_methods_supported": ["header"],
        }
    )


def _authorization_server() -> dict[str, Any]:
    return {
        "issuer": settings.PUBLIC_URL,
        "authorization_endpoint": f"{settings.PUBLIC_URL}/oauth/authorize",
        "token_endpoint": f"{settings.PUBLIC_URL}/oauth/token",
        "registration_endpoint": f"{settings.PUBLIC_URL}/oauth/register",
        "jwks_uri": f"{settings.PUBLIC_URL}/.well-known/jwks.json",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
        "scopes_supported": SCOPES,
        "service_documentation": f"{settings.PUBLIC_URL}/api/v1/docs",
    }
