"""`GET /rest/consent`. Source: wire contract 3a."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.test import Client
from django.utils import timezone

from apps.authorizations.models import PatientAuthorization
from tests.authorizations.journey import exchange, go_to_source, open_for, sign_in
from tests.flows.world import Team

from .wire import post, read, refused

pytestmark = pytest.mark.django_db
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_consent_has_every_field_of_the_contract(client: Client, team: Team, payer_url: str) -> None:
    issued = exchange(team, sign_in(team, payer_url, login="HUser00004"))
    authorization = issued.authorization
    found = read(client.get("/rest/consent", headers=bearer(issued.access_token)))
    (listed,) = found.pop("patientAuthorizations")
    assert found.keys() == {"id", "createdAt", "updatedAt"}
    assert found["id"] == str(authorization.consent_id)
    times = [found["createdAt"], found["updatedAt"]]
    times += [listed.pop(name) for name in ("createdAt", "authorizedAt", "exchangedAt")]
    assert [at for at in times if not INSTANT.fullmatch(at)] == []
    assert listed == {
        "id": str(authorization.pk),
        "state": "EXCHANGED",
        "usage": "MULTIPLE",
        "type": "OAUTH",
        "revokedAt": None,
        "expiredAt": None,
        "patient": f"Patient/{authorization.destination_patient_id}",
        "endpoint": {
            "id": "d39433b7-0fbd-4bc2-bdae-fb276799979f", "label": ["Humana"], "name": "humana-sandbox",
            "refreshable": True,
        },
        "active": True,
    }  # fmt: skip


def test_sources_that_were_given_up_are_listed_as_not_active(client: Client, team: Team, payer_url: str) -> None:
    """Two sources under one consent, one of which was replaced before anybody signed in."""
    signed_in = sign_in(team, payer_url)
    other = PatientAuthorization.objects.create(
        consent=signed_in.consent, application=team.application, mode="test", usage="ONE_TIME", state="ABANDONED",
        endpoint=signed_in.authorization.endpoint,
    )  # fmt: skip
    issued = exchange(team, signed_in)
    found = read(client.get("/rest/consent", headers=bearer(issued.access_token)))
    by_id = {each["id"]: each for each in found["patientAuthorizations"]}
    assert by_id.keys() == {str(signed_in.authorization.pk), str(other.pk)}
    assert (by_id[str(other.pk)]["active"], by_id[str(other.pk)]["patient"]) == (False, None)


def test_each_token_sees_its_own_consent_only(client: Client, team: Team, payer_url: str) -> None:
    first, second = (exchange(team, sign_in(team, payer_url, external_id=each)) for each in ("user-1", "user-2"))
    go_to_source(open_for(team), "acme-1", timezone.now())  # somebody else's, unfinished
    for issued in (first, second):
        found = read(client.get("/rest/consent", headers=bearer(issued.access_token)))
        assert found["id"] == str(issued.authorization.consent_id)
        assert [each["id"] for each in found["patientAuthorizations"]] == [str(issued.authorization.pk)]


def test_without_a_running_token_it_is_401_and_elsewhere_404(client: Client, team: Team, payer_url: str) -> None:
    issued = exchange(team, sign_in(team, payer_url))
    read(post(client, "/link/revoke", {"secret_key": team.secret_key}, authorization=f"Bearer {issued.access_token}"))
    assert refused(client.get("/rest/consent", headers=bearer(issued.access_token)), 401, "Unauthorized") == (
        "Invalid access token"
    )
    refused(client.get("/rest/consent"), 401, "Unauthorized")
    for path in ("/rest/", "/rest/consents", "/rest/consent/1"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, "Not Found")
    assert client.post("/rest/consent")["Allow"] == "GET"


def test_the_last_change_is_the_newest_of_all(client: Client, team: Team, payer_url: str) -> None:
    issued = exchange(team, sign_in(team, payer_url), now=timezone.now() + dt.timedelta(seconds=5))
    found = read(client.get("/rest/consent", headers=bearer(issued.access_token)))
    assert found["updatedAt"] == found["patientAuthorizations"][0]["exchangedAt"] > found["createdAt"]
