"""A bucket in another region than the client: told on the wire, and followed by botocore of its own accord.

Source: S3 API, "Error responses"; S3 User Guide, "Making requests".
"""

from __future__ import annotations

from typing import Any

from tests.sandbox.cloud.world import OTHER_REGION, World

# AWS answers one of these, by how long it has known the bucket and by the address that was used.
TOLD = {
    ("AuthorizationHeaderMalformed", 400),
    ("IllegalLocationConstraintException", 400),
    ("PermanentRedirect", 301),
    ("TemporaryRedirect", 307),
}


def watch(s3: Any) -> list[Any]:
    """Answer a list that grows by the parsed answer to each request on the wire."""
    seen: list[Any] = []
    s3.meta.events.register("needs-retry.s3", lambda response, **_: seen.append(response[1]), unique_id="watch")
    return seen


def stay(s3: Any) -> None:
    """Keep botocore from following: it does so once, and is told that it has."""

    def mark(context: dict[str, Any], **_: Any) -> None:
        context["s3_redirect"]["redirected"] = True

    s3.meta.events.register_last("before-parameter-build.s3", mark)


def test_put_in_the_wrong_region_is_told_the_right_one_and_followed(world: World) -> None:
    bucket = world.make_bucket(region=OTHER_REGION)
    s3 = world.client("s3", world.root(world.customer))
    seen = watch(s3)
    world.allowed(s3.put_object, Bucket=bucket, Key="a", Body=b"1")
    assert len(seen) > 1
    told, metadata = seen[0]["Error"], seen[0]["ResponseMetadata"]
    assert (told["Code"], metadata["HTTPStatusCode"]) in TOLD
    assert OTHER_REGION in (told.get("Region"), metadata["HTTPHeaders"].get("x-amz-bucket-region"))
    assert "Error" not in seen[-1]


def test_put_in_the_wrong_region_that_is_not_followed_stores_nothing(world: World) -> None:
    bucket, root = world.make_bucket(region=OTHER_REGION), world.root(world.customer)
    s3 = world.client("s3", root)
    stay(s3)
    world.refused(s3.put_object, *TOLD, Bucket=bucket, Key="a", Body=b"1")
    world.refused(s3.create_multipart_upload, *TOLD, Bucket=bucket, Key="a")
    there = world.client("s3", root, region=OTHER_REGION)
    assert there.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_bucket_says_where_it_is(world: World) -> None:
    s3 = world.client("s3", world.root(world.customer))
    near, far = world.make_bucket(), world.make_bucket(region=OTHER_REGION)
    assert world.allowed(s3.head_bucket, Bucket=far)["BucketRegion"] == OTHER_REGION
    assert world.allowed(s3.head_bucket, Bucket=near)["BucketRegion"] == "eu-central-1"
    assert world.allowed(s3.get_bucket_location, Bucket=near)["LocationConstraint"] == "eu-central-1"
    # us-east-1 has no name here, as ever.
    assert world.allowed(s3.get_bucket_location, Bucket=far)["LocationConstraint"] is None
