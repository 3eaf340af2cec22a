"""Whose signature counts, and when: keys, tokens and the clock.

Source: AWS General Reference, "Signature Version 4"; S3 API, "Error responses"; STS API, "Common errors".
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import botocore.auth
import pytest

from tests.sandbox.cloud.world import Keys, Refusal, World, allow

UNKNOWN = ("InvalidClientTokenId", 403)
UNSIGNED = ("SignatureDoesNotMatch", 403)


def test_unknown_access_key_is_refused(world: World) -> None:
    keys, bucket = Keys("AKIAIOSFODNN7EXAMPLE", "x"), world.make_bucket()
    world.refused(world.client("sts", keys).get_caller_identity, UNKNOWN)
    world.refused(world.client("s3", keys).put_object, ("InvalidAccessKeyId", 403), Bucket=bucket, Key="a")


def test_wrong_secret_is_refused(world: World) -> None:
    right, bucket = world.make_user(), world.make_bucket()
    assert world.allowed(world.client("sts", right).get_caller_identity)
    wrong = Keys(right.access_key, "wrong")
    world.refused(world.client("sts", wrong).get_caller_identity, UNSIGNED)
    world.refused(world.client("s3", wrong).put_object, UNSIGNED, Bucket=bucket, Key="a")


@pytest.mark.parametrize(
    ("token", "codes"),
    [
        pytest.param(None, [("InvalidToken", 400), ("InvalidAccessKeyId", 403)], id="missing"),
        pytest.param("garbled", [("InvalidToken", 400)], id="garbled"),
    ],
)
def test_missing_or_garbled_session_token_is_refused(world: World, token: str | None, codes: list[Refusal]) -> None:
    session, bucket = world.make_session(allow("s3:*")), world.make_bucket()
    world.allowed(world.client("s3", session).put_object, Bucket=bucket, Key="a")
    keys = Keys(session.access_key, session.secret, token)
    world.refused(world.client("sts", keys).get_caller_identity, UNKNOWN)
    world.refused(world.client("s3", keys).put_object, *codes, Bucket=bucket, Key="a")


def test_token_of_another_session_is_refused(world: World) -> None:
    first, bucket = world.make_session(allow("s3:*")), world.make_bucket()
    world.allowed(world.client("s3", first).put_object, Bucket=bucket, Key="a")
    keys = world.make_user("second")
    world.refused(
        world.client("s3", Keys(keys.access_key, keys.secret, first.token)).put_object,
        ("InvalidToken", 400),
        ("InvalidAccessKeyId", 403),
        Bucket=bucket,
        Key="a",
    )


def test_inactive_and_deleted_keys_are_refused(world: World) -> None:
    keys, user, iam = world.make_user(), world.named("worker"), world.iam(world.vendor)
    ask = world.client("sts", keys).get_caller_identity
    assert world.allowed(ask)
    iam.update_access_key(UserName=user, AccessKeyId=keys.access_key, Status="Inactive")
    world.refused(ask, UNKNOWN)
    iam.update_access_key(UserName=user, AccessKeyId=keys.access_key, Status="Active")
    assert world.allowed(ask)
    iam.delete_access_key(UserName=user, AccessKeyId=keys.access_key)
    world.refused(ask, UNKNOWN)


def shift_clock(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    """Let botocore sign with a clock that is wrong; the other side's clock is left alone."""

    def shifted(remove_tzinfo: bool = True) -> datetime:
        return datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=minutes)

    monkeypatch.setattr(botocore.auth, "get_current_datetime", shifted)


@pytest.mark.parametrize("minutes", [-20, 20])
def test_clock_that_is_twenty_minutes_off_is_refused(
    world: World, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, root = world.make_bucket(), world.root(world.customer)
    sts, s3 = world.client("sts", root), world.client("s3", root)
    world.allowed(s3.put_object, Bucket=bucket, Key="a")
    with monkeypatch.context() as patch:
        shift_clock(patch, minutes)
        world.refused(s3.put_object, ("RequestTimeTooSkewed", 403), Bucket=bucket, Key="a")
        world.refused(sts.get_caller_identity, UNSIGNED)


@pytest.mark.parametrize("minutes", [-3, 3])
def test_clock_that_is_a_little_off_is_let_through(world: World, minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    root = world.root(world.customer)
    with monkeypatch.context() as patch:
        shift_clock(patch, minutes)
        assert world.allowed(world.client("sts", root).get_caller_identity)["Account"] == world.customer
