"""A bucket's default encryption: the document that sets it and the one that tells it.

Owns the grammar; refuses more than one rule, dual-layer encryption and blocked encryption types (501).
Source: S3 API, "PutBucketEncryption", "GetBucketEncryption" (AES256 for every bucket since 2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from apps.sandbox.cloud.errors import AwsError, NotModelledError
from apps.sandbox.cloud.messages import Answer

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_RULE = {"ApplyServerSideEncryptionByDefault", "BucketKeyEnabled"}
_DEFAULT = {"SSEAlgorithm", "KMSMasterKeyID"}


def _malformed() -> AwsError:
    return AwsError(400, "MalformedXML", "The XML you provided was not well-formed or did not validate")


def _children(element: ElementTree.Element) -> dict[str, ElementTree.Element]:
    found = {child.tag.rpartition("}")[2]: child for child in element}
    if len(found) != len(element):
        raise NotModelledError("more than one rule of default encryption")
    return found


def _only(names: Mapping[str, object], known: set[str]) -> None:
    if strange := set(names) - known:
        raise NotModelledError(f"default encryption with {', '.join(sorted(strange))}")


def check_document(body: bytes) -> None:
    """Read a new default before it is kept. Raises: AwsError, NotModelledError."""
    if b"<!" in body:
        raise _malformed()
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - without a DOCTYPE there is nothing to expand
    except ElementTree.ParseError as error:
        raise _malformed() from error
    outer = _children(root)
    if "Rule" not in outer:
        raise _malformed()
    _only(outer, {"Rule"})
    rule = _children(outer["Rule"])
    _only(rule, _RULE)
    if "ApplyServerSideEncryptionByDefault" not in rule:
        raise _malformed()
    default = _children(rule["ApplyServerSideEncryptionByDefault"])
    _only(default, _DEFAULT)
    algorithm = default["SSEAlgorithm"].text if "SSEAlgorithm" in default else None
    if algorithm == "aws:kms:dsse":
        raise NotModelledError("dual-layer encryption")
    if algorithm not in ("AES256", "aws:kms"):
        raise _malformed()
    if "BucketKeyEnabled" in rule and rule["BucketKeyEnabled"].text not in ("true", "false"):
        raise _malformed()
    if algorithm == "AES256" and "KMSMasterKeyID" in default:
        text = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms"
        raise AwsError(400, "InvalidArgument", text)


def render(rule: Mapping[str, Any] | None) -> Answer:
    """Tell a bucket's default encryption."""
    default = (rule or {}).get("ApplyServerSideEncryptionByDefault", {"SSEAlgorithm": "AES256"})
    inner = "".join(f"<{name}>{escape(default[name])}</{name}>" for name in sorted(_DEFAULT) if name in default)
    has_bucket_key = (rule or {}).get("BucketKeyEnabled", "false")
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ServerSideEncryptionConfiguration xmlns="{_NAMESPACE}"><Rule>'
        f"<ApplyServerSideEncryptionByDefault>{inner}</ApplyServerSideEncryptionByDefault>"
        f"<BucketKeyEnabled>{has_bucket_key}</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"
    )
    return Answer(200, {"content-type": "application/xml"}, body.encode())
