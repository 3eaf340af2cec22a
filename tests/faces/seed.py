"""Rows for pictures: a workspace with a full page of everything, odd values among them, and one with nothing.

Used by the tests and, for looking, by `python -m tests.faces seed` against a database of your own.
"""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import Application
from apps.applications.services import create_application, issue_api_key
from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.destinations.models import Delivery, Destination
from apps.syncs.models import SyncJob
from apps.workspaces.models import Role, User
from apps.workspaces.services import add_member, create_workspace
from tests.factories import World, make_authorization, make_delivery, make_sync_job, make_user, make_world

ROWS = 30
RIGHT_TO_LEFT = "‮resu-drawkcab"
# What people and their systems put into names: none of it may run, spill, or turn the text round.
ODD_TEXTS = (
    "<script>alert(1)</script>",
    f"{RIGHT_TO_LEFT} مريض",
    "x" * 250,
    "👩🏽‍⚕️🏥 " * 12,
    "=cmd|' /C calc'!A0",
    "a b  c\t\"quoted\" & 'so'",
)
DELIVERY_STATES = ("DELIVERED",) * 18 + ("FAILED", "FAILED", "RETRYING", "HELD", "PENDING", "SKIPPED")


def seed(slug: str = "faces") -> World:
    """Make the full workspace and an empty one, `<slug>-empty`, with the same owner."""
    world = make_world(slug)
    for mode in (Mode.TEST, Mode.LIVE):
        _fill(world, mode)
    owner = world.people[Role.OWNER]
    empty = create_workspace(name="Nothing yet", slug=f"{slug}-empty", owner=owner, by=SYSTEM)
    create_application(workspace=empty, name="First app", slug="first", by=SYSTEM)
    for number in range(ROWS):
        add_member(workspace=world.workspace, user=_person(slug, number), role=Role.VIEWER, by=SYSTEM)
    return world


def _person(slug: str, number: int) -> User:
    person = make_user(f"person-{number:02}@{slug}.example")
    person.name = ODD_TEXTS[number][:150] if number < len(ODD_TEXTS) else f"Person {number}"
    person.save()
    return person


def _fill(world: World, mode: Mode) -> None:
    furniture, application = world.furniture(mode), world.application
    start = timezone.now() - dt.timedelta(days=2)
    for number in range(ROWS):
        at = start + dt.timedelta(minutes=31 * number)
        user = ODD_TEXTS[number] if number < len(ODD_TEXTS) else f"member-{number:05}"
        authorization = make_authorization(application, mode, furniture.endpoint, user=user[:255])
        job = make_sync_job(authorization)
        state = DELIVERY_STATES[number % len(DELIVERY_STATES)]
        delivery = make_delivery(furniture.destination, job, state=state)
        PatientAuthorization.objects.filter(pk=authorization.pk).update(created_at=at)
        SyncJob.objects.filter(pk=job.pk).update(created_at=at)
        Delivery.objects.filter(pk=delivery.pk).update(created_at=at)
        issue_api_key(
            application=application, mode=mode, kind=KeyKind.SECRET, note=ODD_TEXTS[number % len(ODD_TEXTS)][:100],
            by=SYSTEM,
        )  # fmt: skip
        _destination(application, mode, furniture.destination, number)


def _destination(application: Application, mode: Mode, like: Destination, number: int) -> None:
    name = ODD_TEXTS[number] if number < len(ODD_TEXTS) else f"Lake {number}"
    Destination.objects.create(
        application=application,
        mode=mode,
        kind=like.kind,
        name=name[:100],
        bucket=f"acme-lake-{mode}-{number:02}",
        region="us-east-1",
        role_arn=like.role_arn,
        prefix="a-rather-long-prefix/" * (1 + number % 3),
    )
