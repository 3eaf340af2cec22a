"""The fields of an S3 destination and what is wrong with them, in plain words.

Owns the form's rules; refuses to guess. The external ID is made by us and never taken from a form.
Source: S3 User Guide "Bucket naming rules", "Object key naming"; IAM "IAM identifiers"; rulings B5, B6.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import botocore.session

DEFAULT_PREFIX = "flexpa/"
MAX_PREFIX_CHARS = 200
MAX_ARN_CHARS = 2048

# The path is one run, not a repeated group: nested repeats take for ever over "a/a/a/…" that ends wrong.
_ROLE = re.compile(r"arn:aws:iam::(?P<account>\d{12}):role/(?:[\x21-\x7e]*/)?(?P<name>[\w+=,.@-]{1,64})", re.A)
_KEY = re.compile(r"arn:aws:kms:(?P<region>[a-z0-9-]{1,32}):\d{12}:key/[A-Za-z0-9-]{1,128}")
_NOT_A_ROLE = re.compile(r"arn:aws:(?:iam::\d{12}:(user|group|policy|instance-profile)/|sts::\d{12}:(assumed-role)/)")
_OTHER_PARTITION = re.compile(r"arn:(aws-us-gov|aws-cn|aws-[a-z-]+):")
_OTHER_REGION = re.compile(r"(us-gov|cn|us-iso[a-z]*|eu-isoe|eusc)-[a-z0-9-]{1,24}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_PREFIX = re.compile(r"[A-Za-z0-9!_.'()=/-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_KINDS = {
    "user": "a user",
    "group": "a group",
    "policy": "a policy",
    "instance-profile": "an instance profile",
    "assumed-role": "a session of a role",
}
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_NOT_SUPPORTED = "is not supported yet: only the commercial AWS regions (arn:aws:…) are"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Config:
    """One S3 destination as it is configured now."""

    bucket: str
    region: str
    role_arn: str
    prefix: str
    kms_key_arn: str | None
    expected_bucket_owner: str | None
    external_id: str = field(repr=False)
    destination_id: str
    config_version: int

    @classmethod
    def from_fields(
        cls, fields: Mapping[str, str], *, external_id: str, destination_id: str, config_version: int
    ) -> S3Config:
        """Build the configuration of fields that `validate` found good.

        Shape: bucket, region, role_arn, prefix, kms_key_arn, expected_bucket_owner; the last three may be
            empty.
        """
        role_arn = _text(fields, "role_arn")
        return cls(
            bucket=_text(fields, "bucket"),
            region=_text(fields, "region"),
            role_arn=role_arn,
            prefix=clean_prefix(_text(fields, "prefix")),
            kms_key_arn=_text(fields, "kms_key_arn") or None,
            expected_bucket_owner=_text(fields, "expected_bucket_owner") or account_of(role_arn),
            external_id=external_id,
            destination_id=destination_id,
            config_version=config_version,
        )

    def as_fields(self) -> dict[str, str]:
        """Return the fields as a form holds them."""
        return {
            "bucket": self.bucket,
            "region": self.region,
            "role_arn": self.role_arn,
            "prefix": self.prefix,
            "kms_key_arn": self.kms_key_arn or "",
            "expected_bucket_owner": self.expected_bucket_owner or "",
        }

    @property
    def encryption(self) -> str:
        return f"aws:kms with the key {self.kms_key_arn}" if self.kms_key_arn else "AES256"


def validate(
    fields: Mapping[str, str],
    *,
    own_account_id: str | None,
    own_account_role_arns: Collection[str],
    regions: Collection[str],
    delivery_role_arn: str | None = None,
) -> dict[str, list[str]]:
    """Say per field what is wrong and how to put it right; empty when all is well."""
    found = {
        "bucket": _bucket_errors(_text(fields, "bucket")),
        "region": _region_errors(_text(fields, "region"), regions),
        "role_arn": _role_errors(_text(fields, "role_arn"), own_account_id, own_account_role_arns, delivery_role_arn),
        "prefix": _prefix_errors(_text(fields, "prefix")),
        "kms_key_arn": _key_errors(_text(fields, "kms_key_arn"), _text(fields, "region"), regions),
        "expected_bucket_owner": _owner_errors(_text(fields, "expected_bucket_owner")),
    }
    if fields.get("external_id"):
        found["external_id"] = ["The external ID is made by us and cannot be chosen. Leave it out."]
    return {name: errors for name, errors in found.items() if errors}


@lru_cache(maxsize=1)
def known_regions() -> frozenset[str]:
    """Return the regions of the commercial partition in which botocore knows S3."""
    return frozenset(botocore.session.Session().get_available_regions("s3", partition_name="aws"))


def account_of(arn: str) -> str | None:
    """Return the account of an IAM or STS ARN, None if there is none."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 and re.fullmatch(r"\d{12}", parts[4], re.A) else None


def clean_prefix(prefix: str) -> str:
    """Return the prefix with its final slash; the default for an empty one."""
    return (prefix if prefix.endswith("/") else prefix + "/") if prefix else DEFAULT_PREFIX


def _text(fields: Mapping[str, str], name: str) -> str:
    return (fields.get(name) or "").strip()


def _bucket_errors(bucket: str) -> list[str]:
    if not bucket:
        return ["Enter the name of a bucket that you own."]
    if bucket.startswith("arn:aws:s3:::"):
        return ["Enter the bucket's name alone: what stands behind arn:aws:s3:::, up to the first slash."]
    if bucket.startswith("arn:") or bucket.endswith("-s3alias"):
        return ["Enter the bucket's name. ARNs and access points are not supported."]
    if "/" in bucket or ":" in bucket:
        return ["Enter only the bucket's name, without s3://, without an address and without a folder."]
    errors = []
    if not 3 <= len(bucket) <= 63:
        errors.append("A bucket name has 3 to 63 characters.")
    elif not _BUCKET.fullmatch(bucket):
        errors.append(
            "A bucket name has only small letters, digits, dots and hyphens, "
            "and starts and ends with a letter or digit."
        )
    if ".." in bucket:
        errors.append("A bucket name has no two dots in a row.")
    if _ADDRESS.fullmatch(bucket):
        errors.append("A bucket name is not an IP address.")
    if bucket.startswith(_RESERVED_PREFIXES) or bucket.endswith(_RESERVED_SUFFIXES):
        errors.append("AWS keeps this name for special buckets, which are not supported. Use a general one.")
    return errors


def _region_errors(region: str, regions: Collection[str]) -> list[str]:
    if not region:
        return ["Choose the region of the bucket, for example us-east-1."]
    if region in regions:
        return []
    if _OTHER_REGION.fullmatch(region):
        return [f"The region {region} {_NOT_SUPPORTED}."]
    asked = region[:32].lower()
    # Two letters that changed places first: for those, other regions may look closer.
    turned = [each for each in sorted(regions) if sorted(each) == sorted(asked)]
    near = turned or difflib.get_close_matches(asked, sorted(regions), n=1, cutoff=0.75)
    way_out = f"Did you mean {near[0]}?" if near else "The S3 console shows the bucket's region, for example us-east-1."
    return [f"This is not an AWS region that we know. {way_out}"]


def _role_errors(
    role_arn: str, own_account_id: str | None, allowed: Collection[str], delivery_role_arn: str | None
) -> list[str]:
    if not role_arn:
        return ["Enter the ARN of the role that lets us write to the bucket."]
    if _OTHER_PARTITION.match(role_arn):
        return [f"A role of this AWS partition {_NOT_SUPPORTED}."]
    match = _ROLE.fullmatch(role_arn) if len(role_arn) <= MAX_ARN_CHARS else None
    if not match:
        other = _NOT_A_ROLE.match(role_arn)
        sent = f" but of {_KINDS[other[1] or other[2]]}" if other else ""
        return [
            f"This is not the ARN of an IAM role{sent}. Copy the role's ARN from the IAM console: "
            "arn:aws:iam::<account>:role/<name>, the account in 12 digits."
        ]
    if delivery_role_arn and _same_role(role_arn, delivery_role_arn):
        return ["This is our own delivery role. Create a role in your account that trusts it."]
    if match["account"] == own_account_id and role_arn not in allowed:
        return [
            "This role is in our own AWS account. Enter a role of your account. "
            "Operator: if both are yours, list the role in OWN_ACCOUNT_ROLE_ARNS."
        ]
    return []


def _same_role(one: str, other: str) -> bool:
    """Compare account and name: a role's name is unique in its account whatever its path."""
    return account_of(one) == account_of(other) and one.rpartition("/")[2] == other.rpartition("/")[2]


def _prefix_errors(prefix: str) -> list[str]:
    errors = []
    if prefix.startswith("/"):
        errors.append("A prefix does not start with a slash.")
    if _CONTROL.search(prefix):
        errors.append("A prefix has no line breaks and no control characters.")
    elif any(sign in prefix for sign in "*?$"):
        errors.append("A prefix may not contain * ? or $: a policy reads them as wildcards.")
    elif not _PREFIX.fullmatch(prefix):
        errors.append("A prefix has only letters, digits and ! - _ . ' ( ) = /.")
    if any(part in ("", ".", "..") for part in prefix.strip("/").split("/")) and prefix:
        errors.append("No part of a prefix is empty, . or ..")
    elif prefix.endswith("//"):
        errors.append("A prefix ends with one slash.")
    if len(prefix) > MAX_PREFIX_CHARS:
        errors.append(f"A prefix has at most {MAX_PREFIX_CHARS} characters.")
    return errors


def _key_errors(key_arn: str, region: str, regions: Collection[str]) -> list[str]:
    if not key_arn:
        return []
    if _OTHER_PARTITION.match(key_arn):
        return [f"A key of this AWS partition {_NOT_SUPPORTED}."]
    match = _KEY.fullmatch(key_arn)
    if not match:
        alias = " This is an alias: it can be pointed at another key." if "alias/" in key_arn[:100] else ""
        return [
            f"Enter the full ARN of the key, arn:aws:kms:<region>:<account>:key/<id>.{alias} "
            "An alias or a bare key ID will not do; the KMS console shows the ARN."
        ]
    if region in regions and match["region"] != region:  # a region that is none is said beside its own field
        return [f"The key is in {match['region']}, the bucket in {region}. Use a key of the bucket's region."]
    return []


def _owner_errors(owner: str) -> list[str]:
    if not owner or re.fullmatch(r"\d{12}", owner, re.A):
        return []
    return ["The bucket's owner is an AWS account: 12 digits. Leave it empty if it is the role's account."]
