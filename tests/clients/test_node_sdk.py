"""The published Node SDK, every method of it, with nothing but another base URL. Source: wire contract 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from apps.authorizations.models import Consent
from apps.syncs.services import run_next_sync_job
from tests.flows.world import CALLBACK, Team
from tests.link_api.wire import SUPPORTED

from .node import run_node

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.fixture
def told(team: Team, live_pair: tuple[str, str], modules: Path, public_url: str) -> dict[str, Any]:
    given = {
        "base": public_url, "pk": team.publishable_key, "sk": team.secret_key, "livePk": live_pair[0],
        "liveSk": live_pair[1], "callback": CALLBACK, "member": "patient1@flexpa.com",
    }  # fmt: skip
    return run_node("sdk.cjs", modules=modules, given=given, meanwhile=run_next_sync_job)


def without_why(refusal: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return refusal["status"], {name: value for name, value in refusal["body"].items() if name != "error_description"}


def test_the_sdk_drives_every_method(told: dict[str, Any], team: Team, public_url: str) -> None:
    assert told["notCalled"] == []
    query = dict(parse_qsl(urlsplit(told["consent"]["url"]).query))
    assert (told["consent"]["state"], query["scope"]) == ("xyz", "launch/patient offline_access")

    # Records: the first call met the running sync and was sent again by the SDK itself.
    everything = told["everything"]
    assert (everything["resourceType"], everything["type"]) == ("Bundle", "searchset")
    patient = told["patient"]
    assert f"Patient/{patient['id']}" == told["introspect"]["patient"]
    assert patient in [each["resource"] for each in everything["entry"]]
    assert told["coverage"][0] == told["coverage"][1]
    assert (told["metadata"]["resourceType"], told["metadata"]["rest"][0]["mode"]) == ("CapabilityStatement", "server")
    claims = [each["resource"] for each in told["search"]["entry"]]
    assert (told["search"]["type"], [each["resourceType"] for each in claims]) == (
        "searchset", ["ExplanationOfBenefit"] * 3,
    )  # fmt: skip

    # Tokens: what the SDK's types promise, and that a refresh replaces both.
    introspected = told["introspect"]
    consent = Consent.objects.get(flow="oauth")
    assert introspected["sub"] == str(consent.authorizations.get().pk)
    assert (introspected["state"], introspected["usage"], introspected["active"]) == ("EXCHANGED", "MULTIPLE", True)
    assert introspected["user"] == {"externalId": "user-1"}
    assert introspected["client_id"] == str(team.application.pk)
    assert introspected["iss"] == introspected["aud"] == public_url
    assert introspected["sync"]["state"] == "COMPLETED"
    assert set(SUPPORTED) <= set(introspected["sync"]["resourceTypes"])
    assert introspected["sync"]["lastSyncedAt"] >= introspected["iat"] - 60
    assert told["refreshToken"]
    assert told["changed"]
    assert (told["refresh"]["expires_in"], told["refresh"]["refresh_expires_in"]) == (86400, 7776000)
    assert told["introspectAfter"]["state"] == "REFRESHED"
    assert told["introspectAfter"]["jti"] != introspected["jti"]
    exchanged = told["exchange"]
    assert (exchanged["usage"], exchanged["patient"]) == ("ONE_TIME", introspected["patient"])
    assert told["exchangedPatient"] == introspected["patient"]
    assert told["application"].count(".") == 2


def test_the_sdk_is_refused_in_the_contracts_words(told: dict[str, Any]) -> None:
    """One call revokes all that this patient shared from this endpoint: the bodies of the SDK's own tests."""
    assert told["revoke"]["count"] >= 3
    assert without_why(told["afterRevoke"]) == (
        401, {"statusCode": 401, "error": "Unauthorized", "message": "Invalid access token"},
    )  # fmt: skip
    expired = {
        "statusCode": 400, "error": "Bad Request", "message": "Invalid public token. Public token has expired.",
    }  # fmt: skip
    assert without_why(told["exchangeAgain"]) == (400, expired)
    code = {"statusCode": 400, "error": "invalid_grant", "message": "Invalid authorization code"}
    assert without_why(told["codeAgain"]) == (400, code)
    credentials = {"statusCode": 401, "error": "invalid_client", "message": "Unauthorized: Invalid credentials"}
    assert without_why(told["wrongCredentials"]) == (401, credentials)
    assert told["testCredentials"]["status"] == 403
    assert told["testCredentials"]["body"]["error"] == "unauthorized_client"
