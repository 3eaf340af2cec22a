"""What a customer's AWS would make of the texts that we print, read by tools that know nothing of us.

Shape: every reader returns the role that its text describes. The HCL reader knows blocks, strings and lists.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

TOKEN = re.compile(r'(?P<skip>\s+|#[^\n]*)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[\w.]+)|(?P<sign>[{}\[\]=,])')


@dataclass(frozen=True)
class PastedRole:
    """A role of the customer's with its two policies."""

    name: str
    path: str
    trust: Any
    permissions: Any

    def make(self, iam: Any) -> str:
        """Create it in an account; return its ARN."""
        trust, permissions = json.dumps(self.trust), json.dumps(self.permissions)
        role = iam.create_role(RoleName=self.name, Path=self.path, AssumeRolePolicyDocument=trust)
        iam.put_role_policy(RoleName=self.name, PolicyName="write", PolicyDocument=permissions)
        return str(role["Role"]["Arn"])


def read_json(trust: str, permissions: str) -> PastedRole:
    return PastedRole("record-relay-writer", "/", json.loads(trust), json.loads(permissions))


def read_cli(text: str) -> PastedRole:
    """Run the commands as a shell would split them."""
    create, put = (_options(line) for line in text.replace("\\\n", " ").split("\n\n"))
    assert create.pop("") == "aws iam create-role"
    assert put.pop("") == "aws iam put-role-policy"
    assert create["--role-name"] == put["--role-name"]
    return PastedRole(
        create["--role-name"],
        create.get("--path", "/"),
        json.loads(create["--assume-role-policy-document"]),
        json.loads(put["--policy-document"]),
    )


def _options(line: str) -> dict[str, str]:
    words = shlex.split(line)
    return {"": " ".join(words[:3]), **dict(zip(words[3::2], words[4::2], strict=True))}


def read_cloudformation(text: str, external_id: str) -> PastedRole:
    template = yaml.safe_load(text)
    assert template["Parameters"]["ExternalId"]["NoEcho"] is True
    assert template["Outputs"]["RoleArn"]["Value"] == {"Fn::GetAtt": ["RecordRelayRole", "Arn"]}
    role = template["Resources"]["RecordRelayRole"]["Properties"]
    (policy,) = role["Policies"]
    trust = role["AssumeRolePolicyDocument"]
    condition = trust["Statement"][0]["Condition"]["StringEquals"]
    assert condition["sts:ExternalId"] == {"Ref": "ExternalId"}
    condition["sts:ExternalId"] = external_id
    return PastedRole(role["RoleName"], role["Path"], trust, policy["PolicyDocument"])


def read_terraform(text: str, external_id: str) -> PastedRole:
    blocks = dict(_body(_tokens(text)))
    assert blocks["variable", "external_id"]["sensitive"] == "true"
    role, policy = blocks["resource", "aws_iam_role", "record_relay"], "aws_iam_role_policy"
    assert role["assume_role_policy"] == "data.aws_iam_policy_document.record_relay_trust.json"
    written = blocks["resource", policy, "record_relay_write"]
    assert written["policy"] == "data.aws_iam_policy_document.record_relay_write.json"
    assert written["role"] == "aws_iam_role.record_relay.id"
    trust = blocks["data", "aws_iam_policy_document", "record_relay_trust"]
    permissions = blocks["data", "aws_iam_policy_document", "record_relay_write"]
    return PastedRole(
        role["name"],
        role.get("path", "/"),
        {"Version": "2012-10-17", "Statement": [_statement(each, external_id) for each in trust["statement"]]},
        {"Version": "2012-10-17", "Statement": [_statement(each, external_id) for each in permissions["statement"]]},
    )


def _statement(block: dict[str, Any], external_id: str) -> dict[str, Any]:
    """Write a statement as the provider does: one value alone is no list."""
    made: dict[str, Any] = {"Effect": "Allow", "Action": _one(block["actions"])}
    for each in block.get("principals", []):
        made["Principal"] = {each["type"]: _one(each["identifiers"])}
    if "resources" in block:
        made["Resource"] = _one(block["resources"])
    for each in block.get("condition", []):
        values = [external_id if value == "var.external_id" else value for value in each["values"]]
        made["Condition"] = {each["test"]: {each["variable"]: _one(values)}}
    return made


def _one(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        found = TOKEN.match(text, place)
        assert found is not None, text[place : place + 40]
        place = found.end()
        if found.lastgroup != "skip":
            yield str(found.lastgroup), found[0]
    yield "sign", "}"


def _body(tokens: Iterator[tuple[str, str]]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Read the blocks of the file: their labels and what is in them."""
    for kind, token in tokens:
        if (kind, token) == ("sign", "}"):
            return
        labels = [token]
        while (part := next(tokens)) != ("sign", "{"):
            labels.append(_text(part[1]))
        yield tuple(labels), _block(tokens)


def _block(tokens: Iterator[tuple[str, str]]) -> dict[str, Any]:
    """Read attributes and inner blocks; inner blocks of one name are a list."""
    found: dict[str, Any] = {}
    for _, name in tokens:
        if name == "}":
            break
        if next(tokens) == ("sign", "="):
            assert name not in found
            found[name] = _value(tokens)
        else:
            found.setdefault(name, []).append(_block(tokens))
    return found


def _value(tokens: Iterator[tuple[str, str]]) -> Any:
    kind, token = next(tokens)
    if token != "[":
        return _text(token) if kind == "text" else token
    values = []
    while (part := next(tokens)) != ("sign", "]"):
        if part != ("sign", ","):
            values.append(_text(part[1]) if part[0] == "text" else part[1])
    return values


def _text(token: str) -> str:
    plain = str(json.loads(token))
    assert re.search(r"(?<![$%])[$%]\{", plain) is None, "a template would be expanded"
    return plain.replace("$${", "${").replace("%%{", "%{")
