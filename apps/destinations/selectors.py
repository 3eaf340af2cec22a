"""Reads of destinations and deliveries; and the connector that a destination's rows describe."""

from __future__ import annotations

from functools import lru_cache

import boto3
from django.conf import settings

from apps.audit.events import Place

from . import policies
from .connectors.base import TOO_OPEN, Connector, StepResult
from .connectors.s3.config import S3Config
from .connectors.s3.connector import S3Connector
from .connectors.s3.failures import S3Failure
from .connectors.s3.identity import OurIdentity
from .connectors.s3.sessions import Sessions
from .models import ConnectionTest, Destination
from .states import ProbeCause

CONFIG_FIELDS = ("bucket", "region", "role_arn", "prefix", "kms_key_arn", "expected_bucket_owner")
NO_PRINCIPAL = "<set DELIVERY_ROLE_ARN: the role of ours that you trust>"


@lru_cache(maxsize=1)
def s3_sessions() -> Sessions:
    """Return this process's sessions; made lazily, after any fork."""
    return Sessions(OurIdentity(boto3.Session(), settings.DELIVERY_ROLE_ARN or None))


def connector_for(destination: Destination) -> Connector:
    """Build the connector of a destination as it is configured now."""
    fields = {name: getattr(destination, name) for name in CONFIG_FIELDS}
    config = S3Config.from_fields(
        fields,
        external_id=destination.secret.external_id.reveal(),
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


def policies_for(destination: Destination, *, external_id: str = "") -> dict[str, str]:
    """Return trust and role policy as JSON text; the external ID only while it is on screen (rulings A10)."""
    trust = (
        policies.trust_policy(principal_arn(), external_id) if external_id else policies.trust_policy(principal_arn())
    )
    role = policies.role_policy(destination.bucket, destination.prefix, destination.kms_key_arn or None)
    return {"trust_policy": policies.render(trust), "role_policy": policies.render(role)}


def find_test_to_show(destination: Destination) -> ConnectionTest | None:
    """Return the last test that somebody asked for, or the scheduled one after it that found the storage open."""
    newest = destination.tests.order_by("-ran_at", "id").first()
    if newest is None or newest.cause == ProbeCause.ASKED:
        return newest
    if any(step["code"] == TOO_OPEN for step in newest.steps):
        return newest
    return destination.tests.filter(cause=ProbeCause.ASKED).order_by("-ran_at", "id").first()


def find_offered_fix(destination: Destination) -> dict[str, str]:
    """Return the fields that the last test, of the settings as they are, offers to put right."""
    test = find_test_to_show(destination)
    if test is None or test.config_version != destination.config_version:
        return {}
    failed = (step for step in test.steps if step["result"] == StepResult.FAIL)
    return next((dict(step.get("fix", {})) for step in failed), {})


def place_of(destination: Destination) -> Place:
    return Place(
        workspace_id=str(destination.application.workspace_id),
        application_id=str(destination.application_id),
        mode=destination.mode,
    )
