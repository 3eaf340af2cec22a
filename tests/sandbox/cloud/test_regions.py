"""Where a bucket is, where a request goes, and where a new bucket may be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.cloud.world import REGION, World, verdict


def addressed_to(s3: Any, host: str) -> Any:
    """Sign and send the client's requests with AWS's host name, still to the local AWS."""
    name = f"before-sign.{s3.meta.service_model.service_id.hyphenize()}"
    s3.meta.events.register(name, lambda request, **_: request.headers.__setitem__("Host", host), unique_id="host")
    return s3


@pytest.mark.parametrize("host", ["s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "s3-us-east-1.amazonaws.com"])
def test_another_regions_endpoint_redirects_for_good(world: World, host: str) -> None:
    bucket, seen = world.make_bucket(region="us-west-2"), []
    s3 = addressed_to(world.client("s3", world.root(world.customer), region="us-east-1"), host)
    s3.meta.events.register_first("needs-retry.s3", lambda response, **_: seen.append(response), unique_id="x")
    verdict(s3.put_object, Bucket=bucket, Key="a")
    error = seen[0][1]["Error"]
    assert (seen[0][0].status_code, error["Code"]) == (301, "PermanentRedirect")
    assert error["Endpoint"] == "s3.us-west-2.amazonaws.com"
    assert seen[0][0].headers["x-amz-bucket-region"] == "us-west-2"


def test_own_regions_endpoint_with_a_signature_for_another_is_malformed(world: World) -> None:
    bucket, seen = world.make_bucket(), []
    s3 = addressed_to(world.client("s3", world.root(world.customer), region="us-west-2"), f"s3.{REGION}.amazonaws.com")
    s3.meta.events.register_first("needs-retry.s3", lambda response, **_: seen.append(response), unique_id="x")
    assert s3.put_object(Bucket=bucket, Key="a")
    assert seen[0][1]["Error"]["Code"] == "AuthorizationHeaderMalformed"


@pytest.mark.parametrize(
    ("endpoint", "wanted", "code"),
    [
        (REGION, "us-west-2", "IllegalLocationConstraintException"),
        (REGION, "", "IllegalLocationConstraintException"),
        ("us-east-1", "us-east-1", "InvalidLocationConstraint"),
        ("us-east-1", "mars-north-1", "InvalidLocationConstraint"),
        (REGION, "mars-north-1", "IllegalLocationConstraintException"),
    ],
)
def test_bucket_in_a_wrong_place_is_not_made(world: World, endpoint: str, wanted: str, code: str) -> None:
    s3 = world.client("s3", world.root(world.customer), region=endpoint)
    # botocore itself refuses some of these, so the document is put in after it looked.
    document = (
        f"<CreateBucketConfiguration><LocationConstraint>{wanted}</LocationConstraint></CreateBucketConfiguration>"
    )
    body = document.encode() if wanted else b""
    s3.meta.events.register("before-call.s3.CreateBucket", lambda params, **_: params.update(body=body), unique_id="x")
    name = f"bucket-{world.customer}"
    assert verdict(s3.create_bucket, Bucket=name) == (code, 400)
    assert verdict(s3.list_objects_v2, Bucket=name) == ("NoSuchBucket", 404)


def test_bucket_is_made_elsewhere_from_the_global_endpoint(world: World) -> None:
    s3 = world.client("s3", world.root(world.customer), region="us-east-1")
    name = f"bucket-{world.customer}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    local = world.client("s3", world.root(world.customer), region="eu-west-1")
    assert local.head_bucket(Bucket=name)["BucketRegion"] == "eu-west-1"


def test_new_bucket_with_more_than_a_place_is_not_modelled(world: World) -> None:
    s3 = world.client("s3", world.root(world.customer))
    place = {"LocationConstraint": REGION, "Tags": [{"Key": "a", "Value": "b"}]}
    assert verdict(s3.create_bucket, Bucket=f"bucket-{world.customer}", CreateBucketConfiguration=place)[1] == 501
