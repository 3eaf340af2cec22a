"""`POST /link/revoke`: what is gone afterwards. Source: wire contract 3d; records-api seed, revoke; rulings A7."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.utils import timezone

from apps.applications.keys import Mode
from apps.audit.events import SYSTEM
from apps.audit.models import AuditEvent
from apps.authorizations.models import AccessToken, PatientAuthorization, RefreshToken, SourceToken
from apps.authorizations.services import IssuedTokens
from apps.destinations.services import create_destination
from apps.records.models import Partition, ReferenceTarget, StoredResource
from apps.syncs.models import CrawledPage, SyncJob
from apps.syncs.services import refresh_access
from tests.authorizations.journey import PATIENT, exchange, secret_key_of, sign_in
from tests.factories import ROLE_ARN, make_delivery
from tests.flows import world
from tests.flows.world import Team

from .wire import post, read, refused

pytestmark = pytest.mark.django_db
REVOKE = "/link/revoke"


def revoke(client: Client, team: Team, issued: IssuedTokens) -> int:
    body = {"secret_key": team.secret_key}
    answer = post(client, REVOKE, body, authorization=f"Bearer {issued.access_token}")
    found = read(answer)
    assert found.keys() == {"count"}
    count: int = found["count"]
    return count


@pytest.mark.django_db(transaction=True)
def test_revoke_leaves_no_data_no_token_and_no_delivery(client: Client, team: Team, payer_url: str) -> None:
    signed_in = sign_in(team, payer_url)
    issued = exchange(team, signed_in)
    job = world.sync(signed_in.authorization)
    assert StoredResource.objects.exists()
    destination = create_destination(
        application=team.application, mode=Mode.TEST, by=SYSTEM,
        fields={"name": "Lake", "bucket": "lake", "region": "us-east-1", "role_arn": ROLE_ARN},
    ).destination  # fmt: skip
    waiting = make_delivery(destination, job, state="FAILED")
    assert revoke(client, team, issued) == 1
    for model in (StoredResource, ReferenceTarget, Partition, SourceToken, CrawledPage):
        assert not model._default_manager.exists(), model
    assert not AccessToken.objects.filter(revoked_at=None).exists()
    assert not RefreshToken.objects.filter(revoked_at=None).exists()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.reason) == ("CANCELLED", "revoked")
    authorization = PatientAuthorization.objects.get()
    assert authorization.state == "REVOKED"
    assert authorization.revoked_at is not None
    assert authorization.purged_at is not None
    assert authorization.next_refresh_at is None
    events = AuditEvent.objects.filter(target_id=str(authorization.pk))
    assert events.filter(action="authorization.revoked").count() == 1
    assert events.filter(action="authorization.purged").count() == 1


def test_second_revoke_with_the_same_token_is_401(client: Client, team: Team, payer_url: str) -> None:
    issued = exchange(team, sign_in(team, payer_url))
    revoke(client, team, issued)
    body, bearer = {"secret_key": team.secret_key}, f"Bearer {issued.access_token}"
    assert read(post(client, REVOKE, body, authorization=bearer), 401) == {
        "statusCode": 401,
        "error": "Unauthorized",
        "message": "Invalid access token",
        "error_description": "Invalid access token",
    }


def test_revoke_before_the_sync_has_run_ends_the_job(client: Client, team: Team, payer_url: str) -> None:
    issued = exchange(team, sign_in(team, payer_url))
    assert revoke(client, team, issued) == 1
    job = SyncJob.objects.get()
    assert (job.state, job.error_code) == ("FAILED", "revoked")


def test_one_call_ends_every_authorization_of_that_person_endpoint_and_application(
    client: Client, team: Team, other_team: Team, payer_url: str, live_keys: tuple[str, str]
) -> None:
    first = exchange(team, sign_in(team, payer_url))
    again = sign_in(team, payer_url, external_id="user-2")
    second = exchange(team, again)
    waiting = sign_in(team, payer_url)  # signed in, not exchanged
    kept = [
        exchange(team, sign_in(team, payer_url, login="patient2@flexpa.com")),
        exchange(team, sign_in(team, payer_url, login="HUser00001")),
        exchange(other_team, sign_in(other_team, payer_url)),
        exchange(team, sign_in(team, payer_url, mode="live")),
    ]
    assert revoke(client, team, first) == 2
    states = {each.authorization.pk: "REVOKED" for each in (first, second)} | {waiting.authorization.pk: "REVOKED"}
    states |= {each.authorization.pk: "EXCHANGED" for each in kept}
    assert dict(PatientAuthorization.objects.values_list("pk", "state")) == states
    for each in kept:
        read(client.get("/link/introspect", headers={"Authorization": f"Bearer {each.access_token}"}))
    body = {"public_token": waiting.token, "secret_key": team.secret_key}
    refused(post(client, "/link/exchange", body), 400, "Bad Request")


def test_count_is_of_access_tokens_that_still_ran(client: Client, team: Team, payer_url: str) -> None:
    issued = exchange(team, sign_in(team, payer_url))
    first = AccessToken.objects.get()
    for _ in range(2):
        issued = refresh_access(
            refresh_token=issued.refresh_token or "", client=secret_key_of(team), by=PATIENT, now=timezone.now()
        )
    AccessToken.objects.filter(pk=first.pk).update(expires_at=timezone.now())
    assert revoke(client, team, issued) == 2


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "application/json"])
def test_revoke_reads_the_seeds_curl(client: Client, team: Team, payer_url: str, content_type: str) -> None:
    """The sample sends JSON without a JSON content type (C16)."""
    issued = exchange(team, sign_in(team, payer_url))
    answer = client.generic(
        "POST", REVOKE, json.dumps({"secret_key": team.secret_key}), content_type,
        headers={"Authorization": f"Bearer {issued.access_token}"},
    )  # fmt: skip
    assert read(answer) == {"count": 1}


def test_revoke_needs_both_the_bearer_and_the_own_secret_key(
    client: Client, team: Team, other_team: Team, payer_url: str, live_keys: tuple[str, str]
) -> None:
    issued = exchange(team, sign_in(team, payer_url))
    bearer = f"Bearer {issued.access_token}"
    refused(post(client, REVOKE, {"secret_key": team.secret_key}), 401, "Unauthorized")
    refused(post(client, REVOKE, {}, authorization=bearer), 400, "Bad Request")
    for key in (team.publishable_key, other_team.secret_key, live_keys[1]):
        refused(post(client, REVOKE, {"secret_key": key}, authorization=bearer), 401, "Unauthorized")
    assert PatientAuthorization.objects.get().state == "EXCHANGED"
