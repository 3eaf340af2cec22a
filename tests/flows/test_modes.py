"""Test data stays in test, live data in live, and a workspace's data in its own bucket: by rows and by walk."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import Application
from apps.applications.services import create_application, decide_live_access, issue_api_key, request_live_access
from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.smart import door
from apps.destinations.models import Delivery, Destination
from apps.destinations.services import create_destination, deliver_next
from apps.directory.services import register_sandbox_endpoints
from tests import factories

from . import world

MODE_TAG = "PatientAuthorizationMode"
INSERT = """
INSERT INTO destinations_delivery (
  id, attempts, crashes, next_attempt_at, error_code, error_message, error_owner, created_at,
  application_id, mode, destination_id, authorization_id, sync_job_id, seq, kind, state, reason, external_id,
  object_key, sha256, resource_counts, gaps, plan, parts)
VALUES (%(id)s, 0, 0, now(), '', '', '', now(), %(application)s, %(mode)s, %(destination)s, %(authorization)s,
  %(job)s, 1, 'live', 'PENDING', '', 'user', %(id)s::text, '', '{}', '[]', '{}', '[]')
"""


@dataclass
class Ends:
    """What a delivery would join: a destination and an authorization of one application in one mode."""

    destination: Destination
    authorization: PatientAuthorization


def ends(application: Application, mode: Mode) -> Ends:
    fields = {"name": "Lake", "bucket": "lake", "region": "us-east-1", "role_arn": factories.ROLE_ARN}
    made = create_destination(application=application, mode=mode, fields=fields, by=SYSTEM)
    endpoint = factories.make_endpoint(mode)
    return Ends(made.destination, factories.make_authorization(application, mode, endpoint, user="user"))


def insert(destination: Destination, authorization: PatientAuthorization, application: object, mode: str) -> None:
    """Write the row by hand and have every deferred constraint looked at now."""
    values: dict[str, Any] = {
        "id": uuid.uuid4(), "application": application, "mode": mode, "destination": destination.pk,
        "authorization": authorization.pk, "job": uuid.uuid4(),
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(INSERT, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db
def test_the_database_refuses_a_delivery_across_modes_or_applications() -> None:
    team = world.make_team()
    other = create_application(workspace=team.application.workspace, name="Other", slug="other", by=SYSTEM)
    places = {
        (application.pk, mode): ends(application, mode)
        for application in (team.application, other)
        for mode in (Mode.TEST, Mode.LIVE)
    }
    accepted = 0
    for target, there in places.items():
        for origin, here in places.items():
            for claimed in places:
                if target == origin == claimed:
                    insert(there.destination, here.authorization, claimed[0], claimed[1])
                    accepted += 1
                    continue
                with pytest.raises(IntegrityError):
                    insert(there.destination, here.authorization, claimed[0], claimed[1])
    assert accepted == len(places) == Delivery.objects.count()


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["destination", "authorization"])
def test_the_database_refuses_to_move_an_end_of_a_delivery_to_the_other_mode(table: str) -> None:
    team = world.make_team()
    pair = ends(team.application, Mode.TEST)
    insert(pair.destination, pair.authorization, team.application.pk, "test")
    row = getattr(pair, table)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        type(row).objects.filter(pk=row.pk).update(mode="live")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        Delivery.objects.update(mode="live")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.fixture
def payer_in_both_modes(payer_url: str, settings: Settings) -> Iterator[str]:
    settings.SANDBOX_PAYER_AS_LIVE = True
    door.cache_clear()
    register_sandbox_endpoints(payer_url=payer_url, client_id="record-relay-sandbox", as_live=True)
    yield payer_url
    door.cache_clear()


def grant_live(team: world.Team) -> None:
    asked = request_live_access(application=team.application, purpose="Care.", by=SYSTEM)
    decide_live_access(request=asked, granted=True, notes="", by=SYSTEM, now=timezone.now())
    team.application.refresh_from_db()
    issue_api_key(application=team.application, mode=Mode.LIVE, kind=KeyKind.SECRET, by=SYSTEM)


def deliver_all() -> None:
    while deliver_next():
        pass


def tags(body: bytes, system: str) -> set[str]:
    """Return the codes of one of our tags over all lines; a line without it gives an empty one."""
    found = set()
    for line in body.splitlines():
        codes = {each["system"].rpartition("/")[2]: each["code"] for each in json.loads(line)["meta"]["tag"]}
        found.add(codes.get(system, ""))
    return found


@pytest.mark.django_db(transaction=True)
def test_each_mode_fills_its_own_bucket_alone(payer_in_both_modes: str, cloud_url: str) -> None:
    team = world.make_team()
    grant_live(team)
    buckets = {"test": "modes-test", "live": "modes-live"}
    world.make_destination(team, cloud_url, bucket="modes-test", mode=Mode.TEST)
    world.make_destination(team, cloud_url, bucket="modes-live", mode=Mode.LIVE)
    linked = {
        mode: world.link_member(team, "patient1@flexpa.com", payer_url=payer_in_both_modes, mode=mode)
        for mode in buckets
    }
    for authorization in linked.values():
        assert world.sync(authorization).state == "COMPLETED"
    deliver_all()
    for mode, bucket in buckets.items():
        ((key, body),) = world.objects(cloud_url, bucket).items()
        delivery = Delivery.objects.get(mode=mode)
        assert (delivery.state, delivery.object_key) == ("DELIVERED", key)
        assert tags(body, MODE_TAG) == {mode.upper()}
        assert tags(body, "PatientAuthorizationId") == {str(linked[mode].pk)}
        assert world.objects(cloud_url, bucket, prefix="") == {key: body}
    test_ids, live_ids = (str(linked[mode].destination_patient_id) for mode in ("test", "live"))
    assert test_ids != live_ids, "one person has another id in each mode"


@pytest.mark.django_db(transaction=True)
def test_two_workspaces_with_the_same_external_id_fill_their_own_buckets(payer_url: str, cloud_url: str) -> None:
    applications = {}
    for slug in ("acme", "zeta"):
        team = world.make_team(slug)
        world.make_destination(team, cloud_url, bucket=f"own-{slug}")
        authorization = world.link_member(team, "patient1@flexpa.com", payer_url=payer_url, external_id="user-1")
        assert world.sync(authorization).state == "COMPLETED"
        applications[slug] = str(team.application.pk)
    deliver_all()
    lines: dict[str, set[bytes]] = {}
    for slug, application in applications.items():
        ((key, body),) = world.objects(cloud_url, f"own-{slug}").items()
        assert "/user-1/" in key
        assert tags(body, "ApplicationId") == {application}
        lines[slug] = set(body.splitlines())
    assert lines["acme"].isdisjoint(lines["zeta"])
    ids = {slug: {json.loads(line)["id"] for line in found} for slug, found in lines.items()}
    assert ids["acme"].isdisjoint(ids["zeta"])
