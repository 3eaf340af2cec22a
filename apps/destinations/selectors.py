"""Reads of destinations and deliveries; and the connector that a destination's rows describe."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

import boto3
from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet
from django.db.models.functions import TruncDate

from apps.audit.events import Place
from apps.audit.models import AuditEvent

from . import policies
from .advice.reading import PERMISSIONS
from .connectors.base import TOO_OPEN, Connector, StepResult
from .connectors.s3.config import S3Config
from .connectors.s3.connector import S3Connector
from .connectors.s3.failures import S3Failure
from .connectors.s3.identity import OurIdentity
from .connectors.s3.sessions import Sessions
from .manifests import PLAIN, Plan
from .models import ConnectionTest, Delivery, Destination, DestinationSecret, Reconciliation
from .states import DeliveryKind, DeliveryState, FindingKind, ProbeCause

CONFIG_FIELDS = ("bucket", "region", "role_arn", "prefix", "kms_key_arn", "expected_bucket_owner")
NO_PRINCIPAL = "<set DELIVERY_ROLE_ARN: the role of ours that you trust>"
WINDOW_DAYS = 28


@lru_cache(maxsize=1)
def s3_sessions() -> Sessions:
    """Return this process's sessions; made lazily, after any fork."""
    return Sessions(OurIdentity(boto3.Session(), settings.DELIVERY_ROLE_ARN or None))


def connector_for(destination: Destination, *, external_id: str = "") -> Connector:
    """Build the connector of a destination as it is configured now; with another external ID than its own, if given."""
    fields = {name: getattr(destination, name) for name in CONFIG_FIELDS}
    config = S3Config.from_fields(
        fields,
        external_id=external_id or destination.secret.external_id.reveal(),
        destination_id=str(destination.pk),
        config_version=destination.config_version,
    )
    settings.SPOOL_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    return S3Connector(
        config,
        sessions=s3_sessions(),
        spool_dir=settings.SPOOL_DIR,
        own_account_role_arns=settings.OWN_ACCOUNT_ROLE_ARNS,
        settle_seconds=settings.TRUST_SETTLE_SECONDS,
    )


def principal_arn() -> str:
    """Return the ARN that customers trust, or a placeholder when AWS cannot be asked."""
    if settings.DELIVERY_ROLE_ARN:
        return str(settings.DELIVERY_ROLE_ARN)
    try:
        return s3_sessions().identity.principal_arn()
    except S3Failure:
        return NO_PRINCIPAL


def policy_setup(destination: Destination, *, external_id: str = "") -> policies.PolicySetup:
    """Return what the texts to paste are made of; the external ID only while it is on screen (rulings A10)."""
    return policies.PolicySetup(
        principal_arn=principal_arn(),
        bucket=destination.bucket,
        prefix=destination.prefix,
        kms_key_arn=destination.kms_key_arn,
        bucket_owner=destination.expected_bucket_owner,
        role_arn=destination.role_arn,
        external_id=external_id or policies.EXTERNAL_ID_PLACEHOLDER,
    )


def policies_for(destination: Destination, *, external_id: str = "") -> dict[str, str]:
    """Return every text to paste by its name on the wire; a statement that is not needed is empty."""
    setup = policy_setup(destination, external_id=external_id)
    return {
        "trust_policy": policies.render(setup.trust),
        "role_policy": policies.render(setup.permissions),
        "bucket_policy_statement": policies.render(setup.bucket_statement) if setup.bucket_statement else "",
        "key_policy_statement": policies.render(setup.key_statement) if setup.key_statement else "",
        "aws_cli": policies.aws_cli(setup),
        "terraform": policies.terraform(setup),
        "cloudformation": policies.cloudformation(setup),
    }


@dataclass(frozen=True, slots=True)
class Issued:
    """Whether a destination has an external ID, and whether another waits to replace it."""

    present: bool
    next_waits: bool


def external_id_of(destination: Destination) -> Issued:
    """Say what is there; nothing is opened."""
    found = DestinationSecret.objects.filter(destination=destination).first()
    return Issued(present=found is not None, next_waits=found is not None and found.next_external_id is not None)


@dataclass(slots=True)
class Summary:
    """What the list says of one destination: its last test, and its deliveries of the last 28 days."""

    has_external_id: bool = False
    test: ConnectionTest | None = None
    last_delivered_at: dt.datetime | None = None
    counts: Counter[str] = field(default_factory=Counter)


def summarize(destinations: Sequence[Destination], *, now: dt.datetime) -> dict[UUID, Summary]:
    """Gather the summaries of destinations of one application and mode, in three queries."""
    summaries = {each.pk: Summary() for each in destinations}
    if not destinations:
        return summaries
    tests = ConnectionTest.objects.filter(destination__in=destinations).exclude(cause=ProbeCause.SCHEDULED)
    for test in tests.order_by("destination", "-ran_at", "id").distinct("destination"):
        summaries[test.destination_id].test = test
    for pk in DestinationSecret.objects.filter(destination__in=destinations).values_list("pk", flat=True):
        summaries[pk].has_external_id = True
    recent = _recent(destinations[0], now).filter(destination__in=destinations)
    rows = recent.values("destination_id", "state").annotate(rows=Count("pk"), latest=Max("delivered_at"))
    for row in rows.order_by():
        summary = summaries[row["destination_id"]]
        summary.counts[row["state"]] = row["rows"]
        if row["state"] == DeliveryState.DELIVERED:
            summary.last_delivered_at = row["latest"]
    return summaries


@dataclass(frozen=True, slots=True)
class Day:
    """Deliveries that were made on one day (UTC), by how they ended."""

    date: dt.date
    delivered: int
    failed: int


def list_days(destination: Destination, *, now: dt.datetime) -> list[Day]:
    """Count a destination's deliveries of the last 28 days, day by day, today last."""
    counts: Counter[tuple[dt.date, str]] = Counter()
    made_on = TruncDate("created_at", tzinfo=dt.UTC)
    rows = _recent(destination, now).filter(destination=destination).annotate(made_on=made_on)
    for row in rows.values("made_on", "state").annotate(rows=Count("pk")).order_by():
        counts[row["made_on"], row["state"]] = row["rows"]
    today = now.astimezone(dt.UTC).date()
    dates = [today - dt.timedelta(days=back) for back in reversed(range(WINDOW_DAYS))]
    return [Day(date, counts[date, DeliveryState.DELIVERED], counts[date, DeliveryState.FAILED]) for date in dates]


def list_changes(destination: Destination, *, most: int) -> list[AuditEvent]:
    """Return what was done to a destination, newest first; tests are listed apart."""
    place = place_of(destination)
    events = AuditEvent.objects.filter(target_id=str(destination.pk), workspace_id=place.workspace_id)
    tests = ("destination.tested", "destination.retested")
    return list(events.filter(target_type="destination").exclude(action__in=tests).order_by("-id")[:most])


def _recent(destination: Destination, now: dt.datetime) -> QuerySet[Delivery]:
    """Return the window's rows of the destination's application and mode: an index leads there."""
    first = now.astimezone(dt.UTC).date() - dt.timedelta(days=WINDOW_DAYS - 1)
    start = dt.datetime.combine(first, dt.time(), dt.UTC)
    return Delivery.objects.filter(application=destination.application_id, mode=destination.mode, created_at__gte=start)


def find_test_to_show(
    destination: Destination, *, recent: Sequence[ConnectionTest] | None = None
) -> ConnectionTest | None:
    """Return the last test that somebody asked for, or the scheduled one after it that found the storage open.

    `recent`: its last tests, newest first, if they are at hand.
    """
    tests = list(destination.tests.order_by("-ran_at", "id")[:1]) if recent is None else recent
    if not tests:
        return None
    if any(step["code"] == TOO_OPEN for step in tests[0].steps):
        return tests[0]
    for test in tests:
        if test.cause != ProbeCause.SCHEDULED:
            return test
    return destination.tests.exclude(cause=ProbeCause.SCHEDULED).order_by("-ran_at", "id").first()


def find_offered_fix(destination: Destination) -> dict[str, str]:
    """Return the fields that the last test, of the settings as they are, offers to put right."""
    test = find_test_to_show(destination)
    if test is None or test.config_version != destination.config_version:
        return {}
    failed = (step for step in test.steps if step["result"] == StepResult.FAIL)
    return next((dict(step.get("fix", {})) for step in failed), {})


def plan_of(delivery: Delivery) -> Plan | None:
    """Return how a delivery is made; None before its first attempt has decided that."""
    if delivery.plan:
        return Plan.read(delivery.plan)
    return PLAIN if delivery.sha256 or delivery.kind == DeliveryKind.REPLAY else None


def place_of(destination: Destination) -> Place:
    return Place(
        workspace_id=str(destination.application.workspace_id),
        application_id=str(destination.application_id),
        mode=destination.mode,
    )


# What a reconciliation counts, in the order in which it is told: what lies there, what our rows say, what is wrong.
COUNTED = ("objects", "delivered", "waiting", "failed", "purged", "elsewhere", *(kind.value for kind in FindingKind))
# The steps of the daily look that a delivery takes too: one that fails by the customer's doing is drift.
DELIVERY_STEPS = ("assume_role", "region", "write_object", "encryption")


def find_drift(destination: Destination) -> ConnectionTest | None:
    """Return the last daily look if it found that a delivery would fail, and nothing has passed since."""
    fails = [{"name": name, "result": StepResult.FAIL.value, "owner": "customer"} for name in DELIVERY_STEPS]
    found = Q(pk__in=())
    for each in fails:
        found |= Q(steps__contains=[each])
    tests = destination.tests.filter(config_version=destination.config_version)
    drifted = tests.filter(found, cause=ProbeCause.SCHEDULED).order_by("-ran_at", "id").first()
    if drifted is None or tests.filter(passed=True, ran_at__gt=drifted.ran_at).exists():
        return None
    return drifted


def policies_for_reading(run: Reconciliation) -> dict[str, str]:
    """Return what to paste where, so that a comparison sees what it was refused; empty if it was refused nothing.

    Shape: {"role_policy": text, …} by the policy that it belongs in.
    """
    if run.error_code not in PERMISSIONS.values():
        return {}
    setup = policy_setup(run.destination)
    texts = {
        "role_policy": setup.reading_permissions,
        "bucket_policy": setup.bucket_reading_statement,
        "key_policy": setup.key_reading_statement,
    }
    return {where: policies.render(text) for where, text in texts.items() if text}
