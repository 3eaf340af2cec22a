"""The developer's own AWS account in the demo: ordinary boto3 calls with their own credentials."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError

from .environment import LOCAL_ACCOUNT, LOCAL_CUSTOMER, LOCAL_ROLE, starts_local_aws

BUCKET = "demo-care-records"


def customer_credentials() -> dict[str, str]:
    """Return the customer's access key: their root at the local AWS, else what the environment names."""
    if starts_local_aws():
        return {"aws_access_key_id": LOCAL_CUSTOMER, "aws_secret_access_key": "test"}
    return {
        "aws_access_key_id": os.environ["DEMO_CUSTOMER_AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["DEMO_CUSTOMER_AWS_SECRET_ACCESS_KEY"],
    }


def client(service: str, credentials: dict[str, str]) -> Any:
    make: Callable[..., Any] = boto3.client  # its own types know services by literal name only
    return make(
        service,
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        region_name=os.environ["AWS_REGION"],
        **credentials,
    )


def our_credentials(kept: dict[str, str]) -> dict[str, str]:
    """Make our side of the local AWS once: the delivery role, and a user that may become it."""
    if kept or not starts_local_aws():
        return kept
    iam = client("iam", {"aws_access_key_id": LOCAL_ACCOUNT, "aws_secret_access_key": "test"})
    _quietly(iam.create_user, UserName="relay")
    iam.put_user_policy(UserName="relay", PolicyName="become", PolicyDocument=_allow("sts:AssumeRole", LOCAL_ROLE))
    trust = {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"arn:aws:iam::{LOCAL_ACCOUNT}:user/relay"},
        }],
    }  # fmt: skip
    _quietly(iam.create_role, RoleName="record-relay-delivery", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(
        RoleName="record-relay-delivery", PolicyName="assume", PolicyDocument=_allow("sts:AssumeRole", "*")
    )
    key = iam.create_access_key(UserName="relay")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def make_bucket_and_role(role_name: str, trust_policy: str, role_policy: str) -> None:
    """What a developer does with the policies that the portal shows; doing it again changes the policies."""
    credentials = customer_credentials()
    s3, iam = client("s3", credentials), client("iam", credentials)
    region = os.environ["AWS_REGION"]
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    _quietly(s3.create_bucket, Bucket=bucket_name(), **place)
    _quietly(iam.create_role, RoleName=role_name, AssumeRolePolicyDocument=trust_policy)
    iam.update_assume_role_policy(RoleName=role_name, PolicyDocument=trust_policy)
    iam.put_role_policy(RoleName=role_name, PolicyName="record-relay-write", PolicyDocument=role_policy)


def customer_account() -> str:
    return str(client("sts", customer_credentials()).get_caller_identity()["Account"])


def bucket_name() -> str:
    return BUCKET if starts_local_aws() else f"{BUCKET}-{customer_account()}"


def _allow(action: str, resource: str) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}
    )


def _quietly(call: Any, **arguments: Any) -> None:
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("EntityAlreadyExists", "BucketAlreadyOwnedByYou"):
            raise
