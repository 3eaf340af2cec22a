"""Discovery documents. Source: wire contract 3b; RFC 8414; SMART App Launch 2.2, "Conformance"."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from django.urls import Resolver404, resolve
from django.utils import timezone

from apps.authorizations.services import rotate_signing_key

pytestmark = pytest.mark.django_db


def test_authorization_server_metadata_has_the_contracts_fields(client: Client) -> None:
    base = settings.PUBLIC_URL
    answer = client.get("/.well-known/oauth-authorization-server")
    assert answer.json() == {
        "issuer": base,
        "authorization_endpoint": f"{base}/oauth/authorize",
        "token_endpoint": f"{base}/oauth/token",
        "registration_endpoint": f"{base}/oauth/register",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
        "scopes_supported": ["launch/patient", "offline_access"],
        "service_documentation": f"{base}/api/v1/docs",
    }


def test_openid_configuration_says_the_same_and_what_openid_asks_for(client: Client) -> None:
    """Wire contract 3b; OpenID Connect Discovery 1.0, 3: RS256 is always in the list."""
    found = client.get("/.well-known/openid-configuration").json()
    assert found.pop("subject_types_supported") == ["public"]
    assert found.pop("id_token_signing_alg_values_supported") == ["RS256"]
    assert found == client.get("/.well-known/oauth-authorization-server").json()


@pytest.mark.parametrize(("path", "resource"), [("", "/mcp"), ("/mcp", "/mcp"), ("/fhir", "/fhir")])
def test_protected_resource_metadata_names_the_resource(client: Client, path: str, resource: str) -> None:
    base = settings.PUBLIC_URL
    assert client.get(f"/.well-known/oauth-protected-resource{path}").json() == {
        "resource": f"{base}{resource}",
        "authorization_servers": [base],
        "scopes_supported": ["launch/patient", "offline_access"],
        "bearer_methods_supported": ["header"],
    }


def test_metadata_of_a_resource_that_is_none_is_404(client: Client) -> None:
    assert client.get("/.well-known/oauth-protected-resource/elsewhere").status_code == 404


def test_smart_configuration_has_the_required_fields(client: Client) -> None:
    base, found = settings.PUBLIC_URL, client.get("/.well-known/smart-configuration").json()
    assert found["authorization_endpoint"] == f"{base}/link/auth"
    assert found["token_endpoint"] == f"{base}/link/token"
    assert found["capabilities"] == [
        "launch-standalone", "client-public", "client-confidential-symmetric", "context-standalone-patient",
        "permission-offline", "permission-patient",
    ]  # fmt: skip
    assert found["grant_types_supported"] == ["authorization_code", "client_credentials"]
    assert found["code_challenge_methods_supported"] == ["S256"]


DOCUMENTS = [
    "oauth-authorization-server", "openid-configuration", "smart-configuration", "jwks.json",
    "oauth-protected-resource/fhir",
]  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_name_only_addresses_that_exist(client: Client, document: str) -> None:
    answer = client.get(f"/.well-known/{document}")
    assert answer["Content-Type"] == "application/json"
    assert "X-Request-Id" in answer
    assert "Access-Control-Allow-Origin" not in answer
    for value in answer.json().values():
        if isinstance(value, str) and value.startswith(f"{settings.PUBLIC_URL}/"):
            try:
                path = value.removeprefix(settings.PUBLIC_URL)
                resolve("/fhir/metadata" if path == "/fhir" else path)
            except Resolver404:
                pytest.fail(f"{value} leads nowhere")


def test_jwks_publishes_public_halves_only(client: Client) -> None:
    assert client.get("/.well-known/jwks.json").json() == {"keys": []}
    for _ in range(2):
        rotate_signing_key(now=timezone.now())
    keys = client.get("/.well-known/jwks.json").json()["keys"]
    assert len({key["kid"] for key in keys}) == 2
    for key in keys:
        assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
        assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")
