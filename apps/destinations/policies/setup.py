"""What the texts to paste are made of: one destination's names, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from .documents import (
    EXTERNAL_ID_PLACEHOLDER,
    ROLE_ARN_PLACEHOLDER,
    Policy,
    Statement,
    bucket_policy_statement,
    granted_statements,
    key_policy_statement,
    role_policy,
    trust_policy,
)
from .reading import bucket_reading_statement, key_reading_statement, reading_role_policy

DEFAULT_ROLE_NAME = "record-relay-writer"
POLICY_NAME = "record-relay-write"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySetup:
    """The customer's side of one destination; `role_arn` is empty until they have made the role."""

    principal_arn: str
    bucket: str
    prefix: str
    kms_key_arn: str = ""
    bucket_owner: str = ""
    role_arn: str = ""
    external_id: str = EXTERNAL_ID_PLACEHOLDER

    @property
    def role_name(self) -> str:
        return self.role_arn.rpartition("/")[2] or DEFAULT_ROLE_NAME

    @property
    def role_path(self) -> str:
        """Return the role's path: "/" unless its ARN has one. Source: IAM User Guide, "IAM identifiers"."""
        path = self.role_arn.partition(":role")[2].rpartition("/")[0]
        return f"{path}/"

    @property
    def target(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def trust(self) -> Policy:
        return trust_policy(self.principal_arn, self.external_id)

    @property
    def permissions(self) -> Policy:
        return role_policy(self.bucket, self.prefix, self.kms_key_arn or None)

    @property
    def granted(self) -> list[Statement]:
        return granted_statements(self.bucket, self.prefix, self.kms_key_arn or None)

    @property
    def reading_permissions(self) -> Policy:
        return reading_role_policy(self.bucket, self.prefix, self.kms_key_arn or None)

    @property
    def key_statement(self) -> Policy | None:
        """Return what to add to the key's own policy; None without a key."""
        return key_policy_statement(self.role_arn or ROLE_ARN_PLACEHOLDER) if self.kms_key_arn else None

    @property
    def key_reading_statement(self) -> Policy | None:
        """Return the same for a comparison."""
        return key_reading_statement(self.role_arn or ROLE_ARN_PLACEHOLDER) if self.kms_key_arn else None

    @property
    def bucket_statement(self) -> Policy | None:
        """Return what to add to the bucket's policy; None unless another account than the role's owns it."""
        if not self._is_foreign_bucket:
            return None
        return bucket_policy_statement(self.bucket, self.prefix, self.role_arn or ROLE_ARN_PLACEHOLDER)

    @property
    def bucket_reading_statement(self) -> Policy | None:
        """Return the same for a comparison."""
        if not self._is_foreign_bucket:
            return None
        return bucket_reading_statement(self.bucket, self.prefix, self.role_arn or ROLE_ARN_PLACEHOLDER)

    @property
    def _is_foreign_bucket(self) -> bool:
        return bool(self.bucket_owner) and f":{self.bucket_owner}:" not in self.role_arn
