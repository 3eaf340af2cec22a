"""A whole small world for journeys: a team, its keys, the sandbox payer, the local AWS, a destination."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from django.utils import timezone

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import Application
from apps.applications.services import add_redirect_uri, create_application, issue_api_key
from apps.audit.events import SYSTEM
from apps.authorizations.models import Consent, ConsentText, PatientAuthorization
from apps.authorizations.services import (
    AuthorizationRequest,
    agree,
    choose_endpoint,
    complete_sign_in,
    open_consent,
    start_sign_in,
)
from apps.authorizations.states import Usage
from apps.destinations import services as destinations
from apps.destinations.models import Destination
from apps.destinations.selectors import policies_for
from apps.directory.models import Endpoint
from apps.sandbox.payer.members import find_member
from apps.sandbox.walker import Walker, read_answer
from apps.syncs.models import SyncJob
from apps.syncs.services import exchange_public_token, run_next_sync_job
from apps.workspaces.models import User
from apps.workspaces.services import create_workspace

OUR_ACCOUNT, CUSTOMER_ACCOUNT = "111111111111", "222222222222"
DELIVERY_ROLE = f"arn:aws:iam::{OUR_ACCOUNT}:role/record-relay-delivery"
CALLBACK = "http://localhost:3000/callback"


def aws(service: str, url: str, account: str, **more: str) -> Any:
    make: Callable[..., Any] = boto3.client  # its own types know services by literal name only
    return make(
        service,
        endpoint_url=url,
        region_name=more.get("region_name", "us-east-1"),
        aws_access_key_id=more.get("access_key", account),
        aws_secret_access_key=more.get("secret", "test"),
        config=Config(retries={"total_max_attempts": 1}),
    )


@dataclass
class Team:
    """One workspace with one application and its test keys."""

    owner: User
    application: Application
    publishable_key: str
    secret_key: str


def make_team(slug: str = "acme") -> Team:
    owner = User.objects.create_user(f"owner@{slug}.example", "correct horse battery")
    workspace = create_workspace(name=slug.title(), slug=slug, owner=owner, by=SYSTEM)
    application = create_application(workspace=workspace, name="Care", slug="care", by=SYSTEM)
    add_redirect_uri(application=application, mode=Mode.TEST, uri=CALLBACK, by=SYSTEM)
    secret = issue_api_key(application=application, mode=Mode.TEST, kind=KeyKind.SECRET, by=SYSTEM)
    public = application.api_keys.get(kind=KeyKind.PUBLISHABLE, mode=Mode.TEST).public_value
    return Team(owner, application, public, secret.value)


def link_member(
    team: Team,
    login: str,
    *,
    payer_url: str,
    usage: Usage = Usage.MULTIPLE,
    external_id: str = "user-1",
    mode: str = "test",
    exchange: bool = True,
) -> PatientAuthorization:
    """Take a member through consent and sign-in at the payer; EXCHANGED with its first sync requested."""
    member = find_member(login)
    assert member is not None
    endpoint = Endpoint.objects.get(mode=mode, fhir_base__startswith=f"{payer_url}/{member.plan}/")
    now = timezone.now()
    request = AuthorizationRequest(
        application=team.application, mode=mode, flow=Consent.Flow.LINK, external_id=external_id, usage=usage
    )
    consent = open_consent(request=request, by=SYSTEM, now=now)
    authorization = choose_endpoint(consent=consent, endpoint=endpoint, by=SYSTEM, now=now)
    # A transactional test empties the table that the migration filled.
    text, _ = ConsentText.objects.get_or_create(version="2026-11", locale="en", defaults={"body": "…"})
    agree(consent=consent, text=text, shared_kinds=["claims"], by=SYSTEM, now=now)
    url = start_sign_in(authorization=authorization, by=SYSTEM, now=now)
    walker = Walker(public_url="http://nowhere.invalid", payer_url=payer_url)
    answer = read_answer(walker.walk(url, member=member, endpoint_id=str(endpoint.pk)))
    authorization, token = complete_sign_in(state=answer["state"], code=answer["code"], by=SYSTEM, now=now)
    if exchange:
        key = team.application.api_keys.get(kind=KeyKind.SECRET, mode=mode)
        exchange_public_token(public_token=token, client=key, by=SYSTEM, now=now)
        authorization.refresh_from_db()
    return authorization


def sync(authorization: PatientAuthorization) -> SyncJob:
    """Run the authorization's unfinished job to its end."""
    job = SyncJob.objects.filter(authorization=authorization).latest("created_at")
    while job.state not in ("COMPLETED", "FAILED"):
        assert run_next_sync_job(), "the job is not due"
        job.refresh_from_db()
    authorization.refresh_from_db()
    return job


def make_our_side(cloud_url: str) -> dict[str, str]:
    """Our delivery role and a user of ours that may become it; returns that user's key as environment.

    Several local AWS of one process see the same accounts: the role may be there already.
    """
    iam, user = aws("iam", cloud_url, OUR_ACCOUNT), f"relay-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=user)
    iam.put_user_policy(
        UserName=user,
        PolicyName="become",
        PolicyDocument=policy(Action="sts:AssumeRole", Resource=DELIVERY_ROLE),
    )
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(
            RoleName="record-relay-delivery",
            AssumeRolePolicyDocument=policy(
                Principal={"AWS": f"arn:aws:iam::{OUR_ACCOUNT}:root"}, Action="sts:AssumeRole"
            ),
        )
    iam.put_role_policy(
        RoleName="record-relay-delivery",
        PolicyName="assume",
        PolicyDocument=policy(Action="sts:AssumeRole", Resource="*"),
    )
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def make_destination(
    team: Team,
    cloud_url: str,
    *,
    bucket: str = "care-records",
    mode: Mode = Mode.TEST,
    name: str = "Lake",
    enable: bool = True,
) -> Destination:
    """A bucket and role of the customer, with the policies that the product shows, and a passed test."""
    role = f"arn:aws:iam::{CUSTOMER_ACCOUNT}:role/{bucket}-writer"
    created = destinations.create_destination(
        application=team.application,
        mode=mode,
        by=SYSTEM,
        fields={"name": name, "bucket": bucket, "region": "us-east-1", "role_arn": role},
    )
    make_customer_side(cloud_url, created.destination, created.external_id)
    if enable:
        test = destinations.test_connection(destination=created.destination, by=SYSTEM, now=timezone.now())
        assert test.passed, test.steps
        destinations.enable_destination(destination=created.destination, by=SYSTEM, now=timezone.now())
    created.destination.refresh_from_db()
    return created.destination


def make_customer_side(cloud_url: str, destination: Destination, external_id: str) -> None:
    shown = policies_for(destination, external_id=external_id)
    aws("s3", cloud_url, CUSTOMER_ACCOUNT).create_bucket(Bucket=destination.bucket)
    iam = aws("iam", cloud_url, CUSTOMER_ACCOUNT)
    name = destination.role_arn.rpartition("/")[2]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=shown["trust_policy"])
    iam.put_role_policy(RoleName=name, PolicyName="write", PolicyDocument=shown["role_policy"])


def objects(cloud_url: str, bucket: str, prefix: str = "flexpa/") -> dict[str, bytes]:
    """Everything that was delivered to the bucket, by key, as its owner reads it."""
    s3 = aws("s3", cloud_url, CUSTOMER_ACCOUNT)
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return {
        each["Key"]: s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
        for each in found
        if each["Key"].endswith(".ndjson")
    }
