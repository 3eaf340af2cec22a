"""The set-up as commands of the AWS CLI, for a POSIX shell: every value quoted, nothing expanded.

Source: AWS CLI command reference, `iam create-role` and `iam put-role-policy`; POSIX 2.2.2 "Single-Quotes".
"""

from __future__ import annotations

import shlex

from .documents import compact
from .setup import POLICY_NAME, PolicySetup


def aws_cli(setup: PolicySetup) -> str:
    """Write the commands that make the role, and print its ARN, with both of its policies."""
    path = [] if setup.role_path == "/" else [("--path", setup.role_path)]
    create = [
        ("--role-name", setup.role_name),
        *path,
        ("--assume-role-policy-document", compact(setup.trust)),
        ("--query", "Role.Arn"),
        ("--output", "text"),
    ]
    put = [
        ("--role-name", setup.role_name),
        ("--policy-name", POLICY_NAME),
        ("--policy-document", compact(setup.permissions)),
    ]
    return f"{_command('create-role', create)}\n\n{_command('put-role-policy', put)}\n"


def replace_trust(setup: PolicySetup) -> str:
    """Write the command that gives a role that exists the trust policy."""
    options = [("--role-name", setup.role_name), ("--policy-document", compact(setup.trust))]
    return f"{_command('update-assume-role-policy', options)}\n"


def _command(verb: str, options: list[tuple[str, str]]) -> str:
    lines = [f"aws iam {verb}", *(f"  {name} {shlex.quote(value)}" for name, value in options)]
    return " \\\n".join(lines)
