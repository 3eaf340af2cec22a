"""Who is told when a destination changes: owners and admins, in live; never a secret of it (rulings A11)."""

from __future__ import annotations

import uuid
from unittest import mock

import pytest
from django.utils import timezone

from apps.applications.keys import Mode
from apps.audit.events import SYSTEM, Actor, ActorKind
from apps.authorizations.models import PatientAuthorization
from apps.destinations import services
from apps.destinations.models import Destination
from apps.destinations.services.destinations import pause_destination
from apps.mails.composing import Composed
from apps.mails.models import Mail
from apps.workspaces.models import Role
from tests.factories import ROLE_ARN, World

from .bucket import ScriptedBucket

BY = Actor(kind=ActorKind.PERSON, id="1", label="developer@acme.example", ip="203.0.113.7")
FIELDS = {"name": "New lake", "bucket": "acme-new", "region": "us-east-1", "role_arn": ROLE_ARN}
OTHER_ROLE = "arn:aws:iam::333333333333:role/somebody-elses"


def change(world: World, mode: Mode, verb: str) -> None:
    """Do `verb` to the destination of `mode`; what it needs beforehand tells nobody that the test counts."""
    destination = world.furniture(mode).destination
    if verb in ("enabled", "paused", "backfilled"):
        make_ready(destination)
    if verb == "paused":
        services.enable_destination(destination=destination, by=SYSTEM, now=timezone.now())
    if verb == "backfilled":
        PatientAuthorization.objects.filter(pk=world.furniture(mode).authorization.pk).update(
            current_seq=7, current_sync_job_id=uuid.uuid4()
        )
    Mail.objects.all().delete()
    if verb == "created":
        services.create_destination(application=world.application, mode=mode, fields=FIELDS, by=BY)
    elif verb == "repointed":
        services.update_destination(destination=destination, fields={"role_arn": OTHER_ROLE}, by=BY)
    elif verb == "rotated":
        services.rotate_external_id(destination=destination, by=BY)
    elif verb == "enabled":
        services.enable_destination(destination=destination, by=BY, now=timezone.now())
    elif verb == "backfilled":
        assert services.backfill_destination(destination=destination, by=BY, now=timezone.now()).planned_count == 1
    else:
        destination.refresh_from_db()
        pause_destination(destination=destination, reason="Refused.", cause="refused", code="AccessDenied", by=SYSTEM)


def make_ready(destination: Destination) -> None:
    with mock.patch("apps.destinations.services.testing.connector_for", ScriptedBucket()):
        services.test_connection(destination=destination, by=SYSTEM, now=timezone.now())


def mails() -> dict[str, Composed]:
    found = {}
    for mail in Mail.objects.all():
        assert mail.body is not None
        found[mail.recipient] = Composed.from_json(mail.body.reveal())
    return found


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("created", "Live destination New lake was created"),
        ("repointed", "Live destination Analytics lake was pointed elsewhere"),
        ("rotated", "Live destination Analytics lake has a new external ID"),
        ("enabled", "Live destination Analytics lake was enabled"),
        ("backfilled", "Live destination Analytics lake is being back-filled"),
        ("paused", "Destination Analytics lake was paused"),
    ],
)
def test_change_in_live_is_told_to_owners_and_admins_by_whom_and_without_secrets(
    verb: str, words: str, acme: World
) -> None:
    change(acme, Mode.LIVE, verb)
    told = mails()
    assert set(told) == {acme.people[Role.OWNER].email, acme.people[Role.ADMIN].email}
    secrets = [
        each.secret.external_id.reveal()
        for each in Destination.objects.filter(application=acme.application).select_related("secret")
    ]
    for mail in told.values():
        assert mail.subject == f"[Record Relay] {words}"
        assert ("Record Relay" if verb == "paused" else "developer@acme.example") in mail.text
        assert "/w/acme/a/care/live/destinations/" in mail.text
        for form in (mail.subject, mail.text, mail.html):
            assert not [each for each in (*secrets, acme.live.external_id, "arn:aws:", "222222222222") if each in form]
            assert "333333333333" not in form


@pytest.mark.parametrize("verb", ["created", "repointed", "rotated", "enabled", "backfilled"])
def test_change_in_test_mode_is_told_to_nobody(verb: str, acme: World) -> None:
    change(acme, Mode.TEST, verb)
    assert mails() == {}


def test_pause_in_test_mode_is_told_and_marked_as_test(acme: World) -> None:
    change(acme, Mode.TEST, "paused")
    assert {mail.subject for mail in mails().values()} == {
        "[Record Relay] [TEST] Destination Analytics lake was paused"
    }


@pytest.mark.parametrize(
    "fields",
    [{"name": "Another name"}, {"role_arn": ROLE_ARN}, {"name": "Analytics lake"}],
    ids=["name", "same", "as is"],
)
def test_change_that_sends_nothing_elsewhere_is_told_to_nobody(fields: dict[str, str], acme: World) -> None:
    Mail.objects.all().delete()
    services.update_destination(destination=acme.live.destination, fields=fields, by=BY)
    assert mails() == {}


def test_backfill_of_nothing_is_told_to_nobody(acme: World) -> None:
    make_ready(acme.live.destination)
    PatientAuthorization.objects.all().update(current_seq=0)
    Mail.objects.all().delete()
    begun = services.backfill_destination(destination=acme.live.destination, by=BY, now=timezone.now())
    assert (begun.planned_count, begun.state) == (0, "COMPLETED")
    assert mails() == {}


def test_change_that_is_refused_is_told_to_nobody(acme: World) -> None:
    with pytest.raises(services.NotTested):
        services.enable_destination(destination=acme.live.destination, by=BY, now=timezone.now())
    with pytest.raises(services.InvalidDestination):
        services.update_destination(destination=acme.live.destination, fields={"role_arn": "nonsense"}, by=BY)
    assert mails() == {}
