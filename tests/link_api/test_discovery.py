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
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
        "scopes_supported": ["launch/patient", "offline_access"],
    }


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


@pytest.mark.parametrize("document", ["oauth-authorization-server", "smart-configuration", "jwks.json"])
def test_documents_name_only_addresses_that_exist(client: Client, document: str) -> None:
    answer = client.get(f"/.well-known/{document}")
    assert answer["Content-Type"] == "application/json"
    assert "X-Request-Id" in answer
    assert "Access-Control-Allow-Origin" not in answer
    for value in answer.json().values():
        if isinstance(value, str) and value.startswith(f"{settings.PUBLIC_URL}/"):
            try:
                resolve(value.removeprefix(settings.PUBLIC_URL))
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
