"""What the figures of deliveries and syncs stand on: a team, enabled destinations, patients with stored lines.

Owns making many rows fast (bulk and SQL); refuses what a service would forbid: triggers and constraints hold.
"""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Sequence

from django.db import connection
from django.utils import timezone

from apps.applications.keys import Mode
from apps.applications.models import Application
from apps.applications.services import create_application
from apps.audit.events import SYSTEM
from apps.authorizations.models import Consent, ConsentText, EndUser, PatientAuthorization, SourceToken
from apps.destinations.models import Delivery, Destination
from apps.destinations.selectors import s3_sessions
from apps.destinations.services import create_destination
from apps.directory.models import Endpoint
from apps.records.models import Partition, StoredResource
from apps.workspaces.models import User
from apps.workspaces.services import create_workspace

from .shapes import synthetic_patient
from .source import SOURCE_PATIENT

GIVE_UP = dt.timedelta(days=3)


def make_application(slug: str) -> Application:
    owner = User.objects.create_user(f"owner@{slug}.example")
    workspace = create_workspace(name=slug.title(), slug=slug, owner=owner, by=SYSTEM)
    return create_application(workspace=workspace, name="Care", slug="care", by=SYSTEM)


def use_aws(url: str) -> None:
    """Let this process, and those it starts, deliver there."""
    os.environ |= aws_at(url)
    s3_sessions.cache_clear()


def aws_at(url: str) -> dict[str, str]:
    """Return the environment of a process whose AWS is there."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "ours",
        "AWS_SECRET_ACCESS_KEY": "x",
    }


def make_destinations(application: Application, count: int, *, concurrency: int = 4) -> list[Destination]:
    """Make destinations that are enabled; their tests are not what is measured."""
    made = []
    for _ in range(count):
        name = f"lake-{uuid.uuid4()}"
        fields = {
            "name": name, "bucket": name, "region": "us-east-1", "role_arn": "arn:aws:iam::222222222222:role/writer"
        }  # fmt: skip
        made.append(create_destination(application=application, mode=Mode.TEST, fields=fields, by=SYSTEM).destination)
    rows = Destination.objects.filter(pk__in=[each.pk for each in made])
    rows.update(state="READY", tested_version=1, test_passed_at=timezone.now(), concurrency=concurrency)
    rows.update(state="ENABLED")
    return list(rows.order_by("name"))


def make_authorizations(
    application: Application, count: int, *, fhir_base: str = "https://payer.example/fhir", seq: int = 1
) -> list[PatientAuthorization]:
    """Make patients who have agreed and signed in, each with a token of the source that is good for a day."""
    now = timezone.now()
    endpoint = Endpoint.objects.create(
        mode=Mode.TEST, name=f"payer-{uuid.uuid4().hex[:8]}", label=["Payer"], fhir_base=fhir_base, client_id="relay"
    )
    text, _ = ConsentText.objects.get_or_create(version="1", locale="en", defaults={"body": "You agree."})
    scope = {"application": application, "mode": Mode.TEST}
    users = EndUser.objects.bulk_create(EndUser(external_id=f"user-{uuid.uuid4()}", **scope) for _ in range(count))
    consents = Consent.objects.bulk_create(
        Consent(
            end_user=user, flow=Consent.Flow.LINK, usage="MULTIPLE", expires_at=now, agreed_at=now, text=text, **scope
        )
        for user in users
    )
    made = PatientAuthorization.objects.bulk_create(
        PatientAuthorization(
            consent=consent, endpoint=endpoint, state="EXCHANGED", usage="MULTIPLE", current_seq=seq,
            source_patient_id=SOURCE_PATIENT, destination_patient_id=uuid.uuid4(), authorized_at=now, **scope,
        )
        for consent in consents
    )  # fmt: skip
    SourceToken.objects.bulk_create(
        SourceToken(
            authorization=each, access_token="token", token_url="", expires_at=now + dt.timedelta(days=1)
        )
        for each in made
    )  # fmt: skip
    Partition.objects.bulk_create(Partition(authorization=each) for each in made)
    return made


def store_lines(
    authorizations: Sequence[PatientAuthorization], *, resources: int, line_bytes: int = 0
) -> dict[str, int]:
    """Store that many resources as sequence 1 of each; returns how many there are by type.

    One in fifty is a claim of about 12 KB, the others observations of about 1.6 KB, or of `line_bytes`.
    """
    lines = {kind: _line(kind) for kind in ("Patient", "ExplanationOfBenefit", "Observation")}
    lines["Observation"] = lines["Observation"].ljust(line_bytes)
    claims = (resources - 1) // 50
    counts = {"Patient": 1, "ExplanationOfBenefit": claims, "Observation": resources - 1 - claims}
    counts = {kind: count for kind, count in counts.items() if count}
    partitions = list(
        Partition.objects.filter(authorization__in=[each.pk for each in authorizations]).values_list("pk", flat=True)
    )
    with connection.cursor() as cursor:
        for kind, count in counts.items():
            cursor.execute(
                f"""
                INSERT INTO {StoredResource._meta.db_table} (partition_id, type, fhir_id, first_seq, stored_at,
                    source_hash, content_hash, pipeline_version, line)
                SELECT p, %s, 'r-' || lpad(n::text, 8, '0'), 1, now(), %s, %s, 1, %s
                FROM unnest(%s::bigint[]) p, generate_series(1, %s) n
                """,
                [kind, bytes(32), bytes(32), lines[kind], partitions, count],
            )
        cursor.execute(f"ANALYZE {StoredResource._meta.db_table}")
    return counts


def make_due(
    destinations: Sequence[Destination], authorizations: Sequence[PatientAuthorization], count: int,
    counts: dict[str, int],
) -> None:  # fmt: skip
    """Make deliveries that are due now, spread over the destinations."""
    now = timezone.now()
    made = []
    for number in range(count):
        authorization = authorizations[number % len(authorizations)]
        job = uuid.uuid4()
        made.append(
            Delivery(
                application_id=authorization.application_id, mode=authorization.mode, sync_job_id=job, seq=1,
                destination=destinations[number % len(destinations)], authorization=authorization, external_id="user",
                object_key=f"flexpa/user/{authorization.consent_id}/{authorization.pk}/{job}.ndjson",
                resource_counts=counts, next_attempt_at=now, give_up_at=now + GIVE_UP,
            )
        )  # fmt: skip
    Delivery.objects.bulk_create(made, batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Delivery._meta.db_table}")


def _line(kind: str) -> bytes:
    start = b'{"resourceType":"%s"' % kind.encode()
    return next(line for line in synthetic_patient(SOURCE_PATIENT, base="", scale=0.001) if line.startswith(start))
