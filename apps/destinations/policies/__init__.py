"""The AWS policies that we ask for and the one that we put upon ourselves, in every form to paste.

Owns their text; refuses to widen them. The external ID is shown once, so every other place prints
`EXTERNAL_ID_PLACEHOLDER` (ruling A10).
"""

from .aws_cli import aws_cli, replace_trust
from .cloudformation import cloudformation
from .documents import (
    EXTERNAL_ID_PLACEHOLDER,
    MAX_SESSION_POLICY_CHARS,
    OLD_EXTERNAL_ID_PLACEHOLDER,
    ROLE_ARN_PLACEHOLDER,
    Policy,
    bucket_policy_statement,
    compact,
    exemption,
    key_policy_statement,
    render,
    role_policy,
    session_policy,
    trust_policy,
)
from .reading import (
    bucket_reading_statement,
    key_reading_statement,
    reading_role_policy,
    reading_session_policy,
)
from .setup import PolicySetup
from .terraform import terraform

__all__ = [
    "EXTERNAL_ID_PLACEHOLDER",
    "MAX_SESSION_POLICY_CHARS",
    "OLD_EXTERNAL_ID_PLACEHOLDER",
    "ROLE_ARN_PLACEHOLDER",
    "Policy",
    "PolicySetup",
    "aws_cli",
    "bucket_policy_statement",
    "bucket_reading_statement",
    "cloudformation",
    "compact",
    "exemption",
    "key_policy_statement",
    "key_reading_statement",
    "reading_role_policy",
    "reading_session_policy",
    "render",
    "replace_trust",
    "role_policy",
    "session_policy",
    "terraform",
    "trust_policy",
]
