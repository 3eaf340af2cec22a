"""Bodies and checksums that no SDK would send."""

from __future__ import annotations

import base64
import hashlib

import pytest

from apps.sandbox.cloud.checksums import DIGESTS
from apps.sandbox.cloud.errors import AwsError
from apps.sandbox.cloud.messages import AwsRequest
from apps.sandbox.cloud.payloads import check_part_kind, check_parts, unwrap

BODY = b"body"
EMPTY_SHA1, SHORT = "2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "AAAA"


def request(headers: dict[str, str], body: bytes = BODY) -> AwsRequest:
    declared = {"x-amz-content-sha256": hashlib.sha256(body).hexdigest()}
    return AwsRequest(method="PUT", target="/b/a", headers=declared | headers, body=body)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-content-sha256": ""}, "XAmzContentSHA256Mismatch"),
        ({"content-md5": "not base64!"}, "InvalidDigest"),
        ({"content-md5": SHORT}, "InvalidDigest"),
        ({"x-amz-checksum-sha1": EMPTY_SHA1}, "BadDigest"),
        ({"x-amz-checksum-sha1": SHORT}, "InvalidRequest"),
        ({"x-amz-checksum-sha1": "not base64!"}, "InvalidRequest"),
        ({"x-amz-checksum-sha1": EMPTY_SHA1, "x-amz-checksum-crc32": "AAAAAA=="}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "SHA256"}, "InvalidRequest"),
        ({"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="}, "BadDigest"),
        ({"x-amz-checksum-xxhash64": "AAAAAAAAAAA="}, "NotImplemented"),
        ({"x-amz-checksum-sha1": EMPTY_SHA1, "x-amz-sdk-checksum-algorithm": "SHA256"}, "InvalidRequest"),
    ],
)
def test_wrong_declaration_is_refused(headers: dict[str, str], code: str) -> None:
    with pytest.raises(AwsError) as caught:
        unwrap(request(headers))
    assert caught.value.code == code


def test_right_sha1_is_kept_with_its_algorithm() -> None:
    found = unwrap(request({"x-amz-checksum-sha1": EMPTY_SHA1}, b""))
    assert found.headers["x-amz-sdk-checksum-algorithm"] == "SHA1"


def test_unsigned_payload_passes_as_it_is() -> None:
    assert unwrap(request({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})).body == BODY


def test_other_content_encoding_is_kept_when_the_framing_goes() -> None:
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-trailer": "x-amz-checksum-sha1",
        "x-amz-decoded-content-length": "0",
        "content-encoding": "gzip,aws-chunked",
    }
    body = f"0\r\nx-amz-checksum-sha1:{EMPTY_SHA1}\r\n\r\n".encode()
    assert unwrap(request(headers, body)).headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("crc32", "cbf43926"),
        ("crc32c", "e3069283"),
        ("crc64nvme", "ae8b14860a799888"),
        ("md5", "25f9e794323b453885f5181f1b624d0b"),
    ],
)
def test_check_value_of_the_catalogue_is_computed(name: str, expected: str) -> None:
    """Source: "Catalogue of parametrised CRC algorithms", the check value of "123456789"."""
    assert DIGESTS[name](b"123456789").hex() == expected


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_trailer_of_every_algorithm_is_checked(name: str) -> None:
    def sent(value: bytes) -> AwsRequest:
        headers = {
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-trailer": f"x-amz-checksum-{name}",
            "x-amz-decoded-content-length": "4",
        }
        trailer = f"x-amz-checksum-{name}:{base64.b64encode(value).decode()}"
        return request(headers, b"2\r\nbo\r\n2\r\ndy\r\n0\r\n" + trailer.encode() + b"\r\n\r\n")

    right = DIGESTS[name](BODY)
    assert unwrap(sent(right)).body == BODY
    with pytest.raises(AwsError) as caught:
        unwrap(sent(bytes(len(right))))
    assert caught.value.code == "BadDigest"


def test_chunk_without_its_end_is_incomplete() -> None:
    headers = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
    with pytest.raises(AwsError) as caught:
        unwrap(request(headers, b"2\r\nabc\r\n"))
    assert caught.value.code == "IncompleteBody"


def test_part_checksum_of_an_unknown_kind_is_not_modelled() -> None:
    part = b"<Part><PartNumber>1</PartNumber><ChecksumXXHASH64>AAAAAA==</ChecksumXXHASH64></Part>"
    with pytest.raises(AwsError) as caught:
        check_parts(part, {1: b""})
    assert caught.value.status == 501


@pytest.mark.parametrize(("opened_with", "sent"), [("SHA256", "CRC32"), ("SHA256", "")])
def test_part_with_another_kind_of_checksum_than_its_upload_is_refused(opened_with: str, sent: str) -> None:
    headers = {"x-amz-sdk-checksum-algorithm": sent} if sent else {}
    with pytest.raises(AwsError) as caught:
        check_part_kind(headers, opened_with)
    assert caught.value.code == "InvalidRequest"


@pytest.mark.parametrize(("opened_with", "sent"), [("SHA256", "SHA256"), ("", ""), ("", "CRC32")])
def test_part_with_its_uploads_kind_of_checksum_is_taken(opened_with: str, sent: str) -> None:
    check_part_kind({"x-amz-sdk-checksum-algorithm": sent} if sent else {}, opened_with)
