"""The set-up as a CloudFormation template in YAML: the external ID is a parameter that is not echoed.

Source: CloudFormation User Guide, "Parameters" (NoEcho), `AWS::IAM::Role`. Every text is a JSON string, which
YAML 1.2 reads as it is; functions are written out, so that any YAML reader understands the file.
"""

from __future__ import annotations

import json

from .documents import Statement
from .setup import POLICY_NAME, PolicySetup


def cloudformation(setup: PolicySetup) -> str:
    """Write the role and its policies; the stack's output is the role's ARN."""
    return f"""\
# Deploy with: aws cloudformation deploy --stack-name record-relay --template-file record-relay.yaml \\
#   --capabilities CAPABILITY_NAMED_IAM --parameter-overrides 'ExternalId={setup.external_id}'
AWSTemplateFormatVersion: "2010-09-09"
Description: {_text("Lets deliveries be written below " + setup.target)}
Parameters:
  ExternalId:
    Type: String
    NoEcho: true
    Description: The external ID of the destination, shown once when it was made
Resources:
  RecordRelayRole:
    Type: AWS::IAM::Role
    Properties:
      RoleName: {_text(setup.role_name)}
      Path: {_text(setup.role_path)}
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              AWS: {_text(setup.principal_arn)}
            Action: sts:AssumeRole
            Condition:
              StringEquals:
                sts:ExternalId:
                  Ref: ExternalId
      Policies:
        - PolicyName: {_text(POLICY_NAME)}
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
{_statements(setup.granted)}\
Outputs:
  RoleArn:
    Value:
      Fn::GetAtt: [RecordRelayRole, Arn]
"""


def _statements(statements: list[Statement]) -> str:
    return "".join(
        f"              - Effect: Allow\n"
        f"                Action: {json.dumps(each['Action'])}\n"
        f"                Resource: {_text(each['Resource'])}\n"
        for each in statements
    )


def _text(value: str) -> str:
    return json.dumps(value)
