"""The set-up as a Terraform configuration: the external ID is a sensitive variable, never in the file.

Source: Terraform language, "Strings and Templates" (escapes); AWS provider, `aws_iam_role`,
`aws_iam_role_policy`, `aws_iam_policy_document`.
"""

from __future__ import annotations

import json

from .documents import Statement
from .setup import POLICY_NAME, PolicySetup


def terraform(setup: PolicySetup) -> str:
    """Write the role and its policies; `terraform apply` asks for the external ID."""
    path = "" if setup.role_path == "/" else f"  path               = {_text(setup.role_path)}\n"
    return f"""\
# Apply with: terraform apply -var 'external_id={setup.external_id}'

variable "external_id" {{
  type      = string
  sensitive = true
}}

data "aws_iam_policy_document" "record_relay_trust" {{
  statement {{
    actions = ["sts:AssumeRole"]

    principals {{
      type        = "AWS"
      identifiers = [{_text(setup.principal_arn)}]
    }}

    condition {{
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }}
  }}
}}

data "aws_iam_policy_document" "record_relay_write" {{
{_statements(setup.granted)}}}

resource "aws_iam_role" "record_relay" {{
  name               = {_text(setup.role_name)}
{path}  assume_role_policy = data.aws_iam_policy_document.record_relay_trust.json
}}

resource "aws_iam_role_policy" "record_relay_write" {{
  name   = {_text(POLICY_NAME)}
  role   = aws_iam_role.record_relay.id
  policy = data.aws_iam_policy_document.record_relay_write.json
}}

output "role_arn" {{
  value = aws_iam_role.record_relay.arn
}}
"""


def _statements(statements: list[Statement]) -> str:
    return "\n".join(
        f"  statement {{\n    actions   = {_list(each['Action'])}\n    resources = {_list(each['Resource'])}\n  }}\n"
        for each in statements
    )


def _list(values: str | list[str]) -> str:
    given = [values] if isinstance(values, str) else values
    return f"[{', '.join(_text(each) for each in given)}]"


def _text(value: str) -> str:
    """Quote a string: JSON's escapes are HCL's, and a template sign is written twice."""
    return json.dumps(value).replace("${", "$${").replace("%{", "%%{")
