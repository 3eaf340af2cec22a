"""The broken set-ups: how each is broken, where the test must stop, what it must say and how it is mended.

Rows of ux.md section 7 (the faults) and of aws-and-sftp section 1 (trust, KMS, owner, region, session, clock,
checksum). `mend` is None where doing exactly what the failed step offers must be enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apps.destinations import policies
from apps.destinations.selectors import policies_for

from . import world
from .customer import Customer, Document, allow, clear_faults, fault, our_role

OTHER_ACCOUNT = "333333333333"
ASSUME, WRITE = "assume_role", "write_object"
WITHOUT, WRONG = "refuse_without_external_id", "refuse_wrong_external_id"
Act = Callable[[Customer], None]


@dataclass(frozen=True, kw_only=True)
class Broken:
    """One row of the table. `says` are words of the advice, `where` the policies that texts are offered for."""

    name: str
    breaks: Act
    step: str
    code: str
    says: str
    where: str = ""
    owner: str = "customer"
    mend: Act | None = None
    with_key: bool = False


def trust(operator: str, value: str) -> Act:
    """Let the trust policy ask for the external ID in this way."""
    return lambda c: c.set_trust(c.trust(condition={operator: {"sts:ExternalId": value}}))


def trusted(role: str) -> Act:
    """Let the trust policy name another role of ours, which asks for nothing of the kind."""
    return lambda c: c.set_trust(c.trust(our_role(c.cloud_url, role)))


def permissions(*statements: Document) -> Act:
    return lambda c: c.set_permissions(*statements)


def bad_answer(service: str, status: int, code: str, message: str = "", count: int = 20) -> Act:
    return lambda c: fault(
        c.cloud_url, service=service, status=status, code=code, message=message or "A fault.", count=count
    )


def repaired(c: Customer) -> None:
    clear_faults(c.cloud_url)


def deny(action: str, **more: object) -> Document:
    return {"Effect": "Deny", "Principal": {"AWS": world.DELIVERY_ROLE}, "Action": action, **more}


def _wrong_arn(c: Customer) -> None:
    c.change(role_arn=c.destination.role_arn + "-typo")


def _right_arn(c: Customer) -> None:
    c.change(role_arn=c.destination.role_arn.removesuffix("-typo"))


def _owner_not_entered(c: Customer) -> None:
    c.move_bucket(account=OTHER_ACCOUNT)
    c.set_bucket_policy(policies.bucket_policy_statement(c.bucket, "flexpa/", c.destination.role_arn))


def _owner_without_policy(c: Customer) -> None:
    c.move_bucket(account=OTHER_ACCOUNT)
    c.change(expected_bucket_owner=OTHER_ACCOUNT)


def _bucket_denies(c: Customer) -> None:
    unencrypted = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
    everything = f"arn:aws:s3:::{c.bucket}/*"
    statement = deny("s3:PutObject", Resource=everything, Condition=unencrypted)
    c.set_bucket_policy({**statement, "Principal": "*"})


def _role_denies(c: Customer) -> None:
    c.set_permissions(allow("s3:*", "*"), {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"})


THE_FAULTS = (
    Broken(
        name="wrong ARN", breaks=_wrong_arn, step=ASSUME, code="AccessDenied",
        says="role ARN is spelled right", where="trust_policy", mend=_right_arn,
    ),
    Broken(
        name="trust without condition", breaks=lambda c: c.set_trust(c.trust(condition={})),
        step=WITHOUT, code="TrustTooOpen", says="StringEquals with exactly your external ID", where="trust_policy",
    ),
    Broken(
        name="StringEqualsIfExists", breaks=trust("StringEqualsIfExists", "<right>"),
        step=WITHOUT, code="TrustTooOpen", says="without IfExists", where="trust_policy",
    ),
    Broken(
        name="wrong external ID", breaks=trust("StringEquals", "another"),
        step=ASSUME, code="AccessDenied", says="sts:ExternalId equals your external ID", where="trust_policy",
    ),
    Broken(
        name="no PutObject", breaks=permissions(allow("s3:GetObject", "*")),
        step=WRITE, code="AccessDenied", says="Allow s3:PutObject", where="role_policy",
    ),
    Broken(
        name="wrong prefix",
        breaks=lambda c: c.set_permissions(allow("s3:PutObject", f"arn:aws:s3:::{c.bucket}/other/*")),
        step=WRITE, code="AccessDenied", says="/flexpa/*", where="role_policy",
    ),
    Broken(
        name="wrong region", breaks=lambda c: c.move_bucket(region="eu-west-1"),
        step="region", code="AuthorizationHeaderMalformed", says="Set the region of this destination",
    ),
    Broken(
        name="bucket gone", breaks=lambda c: c.aws("s3").delete_bucket(Bucket=c.bucket),
        step=WRITE, code="NoSuchBucket", says="create it",
        mend=lambda c: c.aws("s3").create_bucket(Bucket=c.bucket),
    ),
)  # fmt: skip

TRUST_ROWS = (
    Broken(
        name="untrusted principal", breaks=trusted("somebody-else"),
        step=ASSUME, code="AccessDenied", says="Principal is exactly " + world.DELIVERY_ROLE, where="trust_policy",
    ),
    Broken(
        name="another role of ours", breaks=trusted("record-relay-archive"),
        step=ASSUME, code="AccessDenied", says="Principal is exactly " + world.DELIVERY_ROLE, where="trust_policy",
    ),
    Broken(
        name="role whose name begins as ours", breaks=trusted("record-relay-delivery2"),
        step=ASSUME, code="AccessDenied", says="Principal is exactly " + world.DELIVERY_ROLE, where="trust_policy",
    ),
    Broken(
        name="our whole account without an ID",
        breaks=lambda c: c.set_trust(c.trust(f"arn:aws:iam::{world.OUR_ACCOUNT}:root", {})),
        step=WITHOUT, code="TrustTooOpen", says="no other statement lets us in", where="trust_policy",
    ),
    Broken(
        name="explicit Deny", breaks=lambda c: c.set_trust(c.trust(), deny("sts:AssumeRole")),
        step=ASSUME, code="AccessDenied", says="no Deny", where="trust_policy",
    ),
    Broken(
        name="only a Deny", breaks=lambda c: c.set_trust(deny("sts:AssumeRole")),
        step=ASSUME, code="AccessDenied", says="no Deny", where="trust_policy",
    ),
    Broken(
        name="condition on an address",
        breaks=lambda c: c.set_trust(
            c.trust(condition={"StringEquals": {"sts:ExternalId": "<right>"}, "IpAddress": {"aws:SourceIp": "9.9.9.9"}})
        ),
        step=ASSUME, code="AccessDenied", says="further condition on address", where="trust_policy",
    ),
    Broken(
        name="ID in other letters", breaks=lambda c: trust("StringEquals", c.external_id.upper() + "A")(c),
        step=ASSUME, code="AccessDenied", says="sts:ExternalId equals", where="trust_policy",
    ),
    Broken(
        name="any ID", breaks=trust("StringLike", "*"),
        step=WRONG, code="TrustTooOpen", says="without wildcards", where="trust_policy",
    ),
    Broken(
        name="ID that begins so", breaks=lambda c: trust("StringLike", c.external_id[:9] + "*")(c),
        step=WRONG, code="TrustTooOpen", says="without wildcards", where="trust_policy",
    ),
    Broken(
        name="ID that ends so", breaks=lambda c: trust("StringLike", "*" + c.external_id[-9:])(c),
        step=WRONG, code="TrustTooOpen", says="without wildcards", where="trust_policy",
    ),
    Broken(
        name="second statement without an ID", breaks=lambda c: c.set_trust(c.trust(), c.trust(condition={})),
        step=WITHOUT, code="TrustTooOpen", says="no other statement lets us in", where="trust_policy",
    ),
)  # fmt: skip

BUCKET_ROWS = (
    Broken(
        name="bucket of an account that was not entered", breaks=_owner_not_entered,
        step=WRITE, code="AccessDenied", says="belongs to the account 222222222222", where="role_policy bucket_policy",
        mend=lambda c: c.change(expected_bucket_owner=OTHER_ACCOUNT),
    ),
    Broken(
        name="wrong owner entered", breaks=lambda c: c.change(expected_bucket_owner=OTHER_ACCOUNT),
        step=WRITE, code="AccessDenied", says="belongs to the account 333333333333", where="role_policy bucket_policy",
        mend=lambda c: c.change(expected_bucket_owner=""),
    ),
    Broken(
        name="bucket of another account without a policy", breaks=_owner_without_policy,
        step=WRITE, code="AccessDenied", says="the bucket's policy allows it too", where="role_policy bucket_policy",
    ),
    Broken(
        name="bucket policy that denies", breaks=_bucket_denies,
        step=WRITE, code="AccessDenied", says="demands aws:kms", where="bucket_policy",
    ),
    Broken(
        name="role's own Deny", breaks=_role_denies,
        step=WRITE, code="AccessDenied", says="Look for a Deny", where="role_policy",
    ),
)  # fmt: skip

OUR_ROWS = (
    Broken(
        name="credentials of ours that ended", breaks=bad_answer("sts", 403, "ExpiredTokenException"),
        step="our_identity", code="ExpiredTokenException", says="Nothing to do for you", owner="us", mend=repaired,
    ),
    Broken(
        name="our clock", breaks=bad_answer("s3", 403, "RequestTimeTooSkewed"),
        step=WRITE, code="RequestTimeTooSkewed", says="Nothing to do for you", owner="us", mend=repaired,
    ),
    Broken(
        name="session that is over twice", breaks=bad_answer("s3", 400, "ExpiredToken"),
        step=WRITE, code="ExpiredToken", says="Nothing to do for you", owner="us", mend=repaired,
    ),
    Broken(
        name="checksum", breaks=bad_answer("s3", 400, "BadDigest"),
        step=WRITE, code="BadDigest", says="Nothing to do for you", owner="us", mend=repaired,
    ),
)  # fmt: skip


def _key_gone(c: Customer) -> None:
    c.change(kms_key_arn=c.destination.kms_key_arn[:-4] + "0000")


def _other_key(c: Customer) -> None:
    """Enter a key that exists, and give the role the policy that the page then shows."""
    c.change(kms_key_arn=c.aws("kms").create_key()["KeyMetadata"]["Arn"])
    c.paste("role_policy", policies_for(c.destination)["role_policy"])


def _key_denies(c: Customer) -> None:
    root = {"AWS": f"arn:aws:iam::{world.CUSTOMER_ACCOUNT}:root"}
    c.set_key_policy(
        {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "Principal": "*", "Action": "kms:GenerateDataKey", "Resource": "*"},
    )


def _key_without_delegation(c: Customer) -> None:
    root = {"AWS": f"arn:aws:iam::{world.CUSTOMER_ACCOUNT}:root"}
    administration = ["kms:GetKeyPolicy", "kms:PutKeyPolicy"]
    c.set_key_policy({"Effect": "Allow", "Principal": root, "Action": administration, "Resource": "*"})


KEY_ROWS = (
    Broken(
        name="KMS denied in role", with_key=True,
        breaks=lambda c: c.set_permissions(allow("s3:PutObject", f"arn:aws:s3:::{c.bucket}/flexpa/*")),
        step=WRITE, code="AccessDenied", says="Allow kms:GenerateDataKey", where="role_policy",
    ),
    Broken(
        name="KMS denied in key policy", with_key=True, breaks=_key_denies,
        step=WRITE, code="AccessDenied", says="statement with the Deny", where="key_policy",
    ),
    Broken(
        name="key policy without delegation", with_key=True, breaks=_key_without_delegation,
        step=WRITE, code="AccessDenied", says="Add this statement to the policy of the key", where="key_policy",
    ),
    Broken(
        name="KMS denied and AWS does not say where", with_key=True,
        breaks=bad_answer("s3", 403, "AccessDenied", "not authorized to perform: kms:GenerateDataKey"),
        step=WRITE, code="AccessDenied", says="Both the role's policy and the key's own policy",
        where="role_policy key_policy", mend=repaired,
    ),
    Broken(
        name="key disabled", with_key=True,
        breaks=lambda c: c.aws("kms").disable_key(KeyId=c.destination.kms_key_arn),
        step=WRITE, code="KMS.DisabledException", says="Enable the key",
        mend=lambda c: c.aws("kms").enable_key(KeyId=c.destination.kms_key_arn),
    ),
    Broken(
        name="key missing", with_key=True, breaks=_key_gone,
        step=WRITE, code="KMS.NotFoundException", says="must exist and be in the bucket's region",
        mend=_other_key,
    ),
)  # fmt: skip

BROKEN = (*THE_FAULTS, *TRUST_ROWS, *BUCKET_ROWS, *OUR_ROWS, *KEY_ROWS)
