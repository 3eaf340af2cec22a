"""Requests signed by hand: everything that boto3 would never send, and what it sends only over TLS."""

from __future__ import annotations

import base64
import hashlib
import http.client
import zlib
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.sandbox.cloud.world import REGION, World

Headers = dict[str, str]


def send(world: World, method: str, path: str, headers: Headers, body: bytes = b"") -> tuple[int, str]:
    """Send a request exactly as given; answer status and body."""
    place = urlsplit(world.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def signed(world: World, method: str, path: str, headers: Headers, *, secret: str = "test") -> Headers:
    """Sign with botocore as the customer's root; x-amz-content-sha256 is taken as given."""
    request = AWSRequest(method=method, url=world.url + path, headers=dict(headers))

    class Signer(S3SigV4Auth):
        def payload(self, request: AWSRequest) -> str:
            return headers["X-Amz-Content-SHA256"]

    Signer(Credentials(world.customer, secret), "s3", REGION).add_auth(request)
    return dict(request.headers.items())


def chunked(*parts: bytes, trailer: str) -> bytes:
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return framed + b"0\r\n" + (f"{trailer}\r\n" if trailer else "").encode() + b"\r\n"


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def put_chunked(world: World, bucket: str, body: bytes, *, length: int) -> tuple[int, str]:
    headers = {
        "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X-Amz-Decoded-Content-Length": str(length),
        "X-Amz-Trailer": "x-amz-checksum-crc32",
        "X-Amz-Sdk-Checksum-Algorithm": "CRC32",
        "Content-Encoding": "aws-chunked",
    }
    path = f"/{bucket}/a"
    return send(world, "PUT", path, signed(world, "PUT", path, headers), body)


def test_chunked_body_with_right_trailer_is_stored_without_its_framing(world: World) -> None:
    bucket = world.make_bucket()
    body = chunked(b"first ", b"second", trailer=f"x-amz-checksum-crc32:{crc32(b'first second')}")
    assert put_chunked(world, bucket, body, length=12)[0] == 200
    found = world.client("s3", world.root(world.customer)).get_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert found["Body"].read() == b"first second"
    assert found["ChecksumCRC32"] == crc32(b"first second")
    assert "ContentEncoding" not in found


@pytest.mark.parametrize(
    ("body", "length", "code"),
    [
        (chunked(b"abc", trailer=f"x-amz-checksum-crc32:{crc32(b'abd')}"), 3, "BadDigest"),
        (chunked(b"abc", trailer=""), 3, "MalformedTrailerError"),
        (chunked(b"abc", trailer=f"x-amz-checksum-sha1:{crc32(b'abc')}"), 3, "MalformedTrailerError"),
        (chunked(b"abc", trailer=f"x-amz-checksum-crc32:{crc32(b'abc')}"), 4, "IncompleteBody"),
        (b"3\r\nab", 3, "IncompleteBody"),
        (b"zz\r\nabc\r\n", 3, "IncompleteBody"),
    ],
)
def test_chunked_body_that_is_damaged_is_refused(world: World, body: bytes, length: int, code: str) -> None:
    status, text = put_chunked(world, world.make_bucket(), body, length=length)
    assert (status, f"<Code>{code}</Code>" in text) == (400, True), text


def test_signed_chunks_are_not_modelled(world: World) -> None:
    bucket = world.make_bucket()
    headers = {
        "X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "X-Amz-Decoded-Content-Length": "1",
    }
    path = f"/{bucket}/a"
    assert send(world, "PUT", path, signed(world, "PUT", path, headers), b"x")[0] == 501


def digest(body: bytes) -> Headers:
    return {"X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest()}


def test_body_other_than_the_signed_one_is_refused(world: World) -> None:
    path = f"/{world.make_bucket()}/a"
    status, text = send(world, "PUT", path, signed(world, "PUT", path, digest(b"signed")), b"other!")
    assert (status, "XAmzContentSHA256Mismatch" in text) == (400, True)


def change_path(headers: Headers) -> str:
    return "/changed"


def change_meta(headers: Headers) -> str:
    headers["X-Amz-Meta-A"] = "2"
    return ""


def change_signature(headers: Headers) -> str:
    value = headers["Authorization"]
    headers["Authorization"] = value[:-1] + ("0" if value[-1] != "0" else "1")
    return ""


@pytest.mark.parametrize("change", [change_path, change_meta, change_signature])
def test_request_changed_after_signing_is_refused(world: World, change: Callable[[Headers], str]) -> None:
    path = f"/{world.make_bucket()}/a"
    headers = signed(world, "PUT", path, {**digest(b"1"), "X-Amz-Meta-A": "1"})
    assert send(world, "PUT", path, headers, b"1")[0] == 200
    added = change(headers)
    status, text = send(world, "PUT", path + added, headers, b"1")
    assert (status, "SignatureDoesNotMatch" in text) == (403, True), text


def test_amz_header_that_was_not_signed_is_refused(world: World) -> None:
    path = f"/{world.make_bucket()}/a"
    headers = signed(world, "PUT", path, digest(b"1")) | {"X-Amz-Expected-Bucket-Owner": world.customer}
    status, text = send(world, "PUT", path, headers, b"1")
    assert (status, "not signed" in text) == (403, True)


def test_unsigned_request_is_refused(world: World) -> None:
    bucket = world.make_bucket()
    assert send(world, "GET", f"/{bucket}/a", {})[0] == 403
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, text = send(world, "POST", "/", form, b"Action=GetCallerIdentity&Version=2011-06-15")
    assert (status, "MissingAuthenticationToken" in text) == (403, True)


def test_presigned_url_and_other_schemes_are_not_modelled(world: World) -> None:
    bucket = world.make_bucket()
    s3 = world.client("s3", world.root(world.customer), signature_version="s3v4")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a"})
    assert send(world, "GET", url.removeprefix(world.url), {})[0] == 501
    assert send(world, "GET", f"/{bucket}/a", {"Authorization": "AWS key:signature"})[0] == 501


def test_garbled_authorization_header_is_malformed(world: World) -> None:
    status, text = send(world, "GET", "/bucket/a", {"Authorization": "AWS4-HMAC-SHA256 Credential=x"})
    assert (status, "AuthorizationHeaderMalformed" in text) == (400, True)


@pytest.mark.parametrize("name", ["X-Amz-Something-New", "X-Amz-Meta-With_Underscore", "X-Amz-Checksum-Xxhash64"])
def test_header_that_nobody_reads_is_not_modelled(world: World, name: str) -> None:
    path = f"/{world.make_bucket()}/a"
    headers = signed(world, "PUT", path, {**digest(b"1"), name: "AAAAAA=="})
    assert send(world, "PUT", path, headers, b"1")[0] == 501


@pytest.mark.parametrize("host", ["bucket.localhost", "bucket.s3.amazonaws.com", "b.s3.eu-central-1.amazonaws.com"])
def test_virtual_hosted_address_is_not_modelled(world: World, host: str) -> None:
    request = AWSRequest(method="PUT", url=f"http://{host}/a", headers=dict(digest(b"1")))
    S3SigV4Auth(Credentials(world.customer, "test"), "s3", REGION).add_auth(request)
    headers = dict(request.headers.items()) | {"Host": host}
    assert send(world, "PUT", "/a", headers, b"")[0] == 501
