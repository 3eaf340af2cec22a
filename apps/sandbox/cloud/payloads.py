"""The body of an S3 request: aws-chunked framing taken off, every declared checksum recomputed.

Owns SHA-256 of the payload, x-amz-checksum-*, Content-MD5 and trailers. Refuses algorithms that checksums.py does
not know and signed chunks (501).
Source: S3 API, "Checking object integrity", "Signature calculations: trailing headers".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace

from apps.sandbox.cloud.checksums import DIGESTS, OF_PARTS
from apps.sandbox.cloud.errors import AwsError, NotModelledError
from apps.sandbox.cloud.messages import AwsRequest

# Headers that say which checksum, not what it is.
_DESCRIPTIONS = {"algorithm", "mode", "type"}


def _take_off_chunks(body: bytes) -> tuple[bytes, dict[str, str]]:
    """Take off aws-chunked framing; answer the content and the trailers.

    Shape: "<hex length>\\r\\n<bytes>\\r\\n … 0\\r\\n<name>:<value>\\r\\n\\r\\n".
    """
    broken = AwsError(400, "IncompleteBody", "The request body terminated unexpectedly")
    content, position = bytearray(), 0
    while True:
        end = body.find(b"\r\n", position)
        size_text = body[position:end] if end >= 0 else b""
        if not re.fullmatch(rb"[0-9a-fA-F]+", size_text):
            raise broken
        size, position = int(size_text, 16), end + 2
        if size == 0:
            break
        if body[position + size : position + size + 2] != b"\r\n":
            raise broken
        content += body[position : position + size]
        position += size + 2
    lines = [line.partition(":") for line in body[position:].decode("latin-1").split("\r\n") if line]
    return bytes(content), {name.strip().lower(): value.strip() for name, _, value in lines}


def _checksum_headers(headers: Mapping[str, str]) -> dict[str, str]:
    start = "x-amz-checksum-"
    found = {name.removeprefix(start): value for name, value in headers.items() if name.startswith(start)}
    return {name: value for name, value in found.items() if name not in _DESCRIPTIONS}


def _decode(value: str, length: int, error: AwsError) -> bytes:
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as cause:
        raise error from cause
    if len(decoded) != length:
        raise error
    return decoded


def _check_digests(headers: Mapping[str, str], body: bytes) -> str | None:
    """Compare Content-MD5 and the x-amz checksum with the body; answer the checksum's algorithm."""
    if "content-md5" in headers:
        invalid = AwsError(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
        wanted = _decode(headers["content-md5"], 16, invalid)
        if wanted != hashlib.md5(body, usedforsecurity=False).digest():
            raise AwsError(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
    checksums = _checksum_headers(headers)
    if len(checksums) > 1:
        raise AwsError(400, "InvalidRequest", "Expecting a single x-amz-checksum- header.")
    announced = headers.get("x-amz-sdk-checksum-algorithm", "").lower()
    for name, value in checksums.items():
        if announced not in ("", name):
            text = "Value for x-amz-sdk-checksum-algorithm header is invalid."
            raise AwsError(400, "InvalidRequest", text)
        if name not in DIGESTS:
            raise NotModelledError(f"the checksum {name}")
        found = DIGESTS[name](body)
        text = f"Value for x-amz-checksum-{name} header is invalid."
        if _decode(value, len(found), AwsError(400, "InvalidRequest", text)) != found:
            text = f"The {name.upper()} you specified did not match the calculated checksum."
            raise AwsError(400, "BadDigest", text)
        return name
    if announced:
        text = "x-amz-sdk-checksum-algorithm specified, but no checksum or trailer was found."
        raise AwsError(400, "InvalidRequest", text)
    return None


def unwrap(request: AwsRequest) -> AwsRequest:
    """Answer the request with its plain, verified body and with headers that describe that body."""
    declared = request.headers.get("x-amz-content-sha256", "")
    headers, body = dict(request.headers), request.body
    if declared == "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
        body, trailers = _take_off_chunks(body)
        if set(trailers) != {headers.get("x-amz-trailer", "").lower()}:
            raise AwsError(400, "MalformedTrailerError", "The trailers are not those that were announced.")
        if headers.get("x-amz-decoded-content-length") != str(len(body)):
            raise AwsError(400, "IncompleteBody", "The decoded length is not the one that was announced.")
        encodings = [part.strip() for part in headers.pop("content-encoding", "").split(",")]
        kept = ",".join(part for part in encodings if part not in ("", "aws-chunked"))
        headers |= trailers | ({"content-encoding": kept} if kept else {})
        for name in ("x-amz-trailer", "x-amz-decoded-content-length"):
            headers.pop(name, None)
    elif declared.startswith("STREAMING-"):
        raise NotModelledError("signed chunks")
    elif declared != "UNSIGNED-PAYLOAD" and declared != hashlib.sha256(body).hexdigest():
        text = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise AwsError(400, "XAmzContentSHA256Mismatch", text)
    of_parts = headers.get("x-amz-checksum-algorithm", "CRC32")
    if of_parts not in OF_PARTS or headers.get("x-amz-checksum-type", "COMPOSITE") != "COMPOSITE":
        raise NotModelledError("uploads in parts with a checksum over the whole object")
    algorithm = _check_digests(headers, body)
    if algorithm is not None:
        headers["x-amz-sdk-checksum-algorithm"] = algorithm.upper()
    return replace(request, headers=headers, body=body)


def check_part_kind(headers: Mapping[str, str], opened_with: str) -> None:
    """Check that a part brings the kind of checksum that its upload was opened with, if it was with one."""
    expected, actual = opened_with.lower(), headers.get("x-amz-sdk-checksum-algorithm", "").lower()
    if expected and expected != actual:
        text = f"expected checksum Type: {expected}, actual checksum Type: {actual or 'null'}"
        raise AwsError(400, "InvalidRequest", f"Checksum Type mismatch occurred, {text}")


def check_parts(document: bytes, parts: Mapping[int, bytes]) -> None:
    """Compare the checksums that a CompleteMultipartUpload names with the parts that were sent."""
    for part in re.findall(r"<Part>(.*?)</Part>", document.decode("utf-8", "replace"), re.DOTALL):
        number = re.search(r"<PartNumber>(\d+)<", part)
        for tag, value in re.findall(r"<Checksum(\w+)>([^<]*)<", part):
            name = tag.lower()
            if name not in DIGESTS:
                raise NotModelledError(f"the checksum {name}")
            found = parts.get(int(number[1]), b"") if number else b""
            if value != base64.b64encode(DIGESTS[name](found)).decode():
                raise AwsError(400, "InvalidPart", "One or more of the specified parts could not be found.")
