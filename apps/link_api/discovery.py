"""Discovery documents with our own issuer. Source: wire contract 3b; RFC 8414; SMART App Launch."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, JsonResponse

from apps.authorizations.selectors import list_public_jwks


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
            "scopes_supported": ["launch/patient", "offline_access"],
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
    return JsonResponse(
        {
            "issuer": settings.PUBLIC_URL,
            "authorization_endpoint": f"{settings.PUBLIC_URL}/oauth/authorize",
            "token_endpoint": f"{settings.PUBLIC_URL}/oauth/token",
            "jwks_uri": f"{settings.PUBLIC_URL}/.well-known/jwks.json",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
            "scopes_supported": ["launch/patient", "offline_access"],
        }
    )
