"""IAM: roles and users with inline policies; moto keeps them, the gate decides and reads every document.

Owns the list of calls and what each is asked about. Refuses managed policies, groups, boundaries and whatever
else could change a decision without being evaluated (501).
Not modelled, and unlike AWS: a principal that is deleted and made again is trusted as before.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import unescape

from apps.sandbox.cloud.errors import AwsError, NotModelledError, access_denied
from apps.sandbox.cloud.evaluator import judge
from apps.sandbox.cloud.messages import Answer
from apps.sandbox.cloud.policies import PolicyKind, parse_policy
from apps.sandbox.cloud.services import Visit

READS = {
    "GetRole", "GetRolePolicy", "GetUser", "GetUserPolicy", "ListAccessKeys", "ListRolePolicies", "ListRoles",
    "ListUserPolicies", "ListUsers",
}  # fmt: skip
WRITES = {
    "CreateAccessKey", "CreateRole", "CreateUser", "DeleteAccessKey", "DeleteRole", "DeleteRolePolicy",
    "DeleteUser", "DeleteUserPolicy", "PutRolePolicy", "PutUserPolicy", "UpdateAccessKey",
    "UpdateAssumeRolePolicy", "UpdateRole",
}  # fmt: skip
PARAMETERS = {
    "AccessKeyId", "Action", "AssumeRolePolicyDocument", "Description", "Marker", "MaxItems",
    "MaxSessionDuration", "Path", "PathPrefix", "PolicyDocument", "PolicyName", "RoleName", "Status",
    "UserName", "Version",
}  # fmt: skip


def _resource(visit: Visit, form: dict[str, str]) -> str:
    """Name the role or user that the call is about; a call about none is asked about "*"."""
    account = visit.caller.account
    for parameter, kind in (("RoleName", "role"), ("UserName", "user")):
        if parameter in form:
            planned = f"arn:aws:iam::{account}:{kind}{form.get('Path', '/')}{form[parameter]}"
            return visit.stores.storehouse.find_arn(account, kind, form[parameter]) or planned
    return "*"


def _check_documents(visit: Visit, form: dict[str, str]) -> None:
    """Read the policies that the call brings, so that nothing unread is ever stored.

    Raises: AwsError("MalformedPolicyDocument"), NotModelledError.
    """
    if form["Action"] in ("PutRolePolicy", "PutUserPolicy"):
        parse_policy(form.get("PolicyDocument", ""), PolicyKind.IDENTITY)
    trust = form.get("AssumeRolePolicyDocument")
    if form["Action"] == "UpdateAssumeRolePolicy":
        trust = form.get("PolicyDocument", "")
    if trust is None:
        return
    for statement in parse_policy(trust, PolicyKind.TRUST):
        for principal in statement.principals or ():
            if not visit.stores.storehouse.has_principal(principal):
                text = f'Invalid principal in policy: "AWS":"{principal}"'
                raise AwsError(400, "MalformedPolicyDocument", text)


def _new_key(answer: Answer) -> dict[str, str]:
    """Read the id and secret out of a CreateAccessKey answer: a replay must make the same ones."""
    found = re.findall(r"<(UserName|AccessKeyId|SecretAccessKey)>([^<]*)<", answer.body.decode())
    return {name: unescape(value) for name, value in found}


def answer_iam(visit: Visit) -> Answer:
    """Answer one IAM call. Raises: AwsError."""
    form, account = visit.request.read_form(), visit.caller.account
    action = form.get("Action", "")
    if action not in READS | WRITES:
        raise NotModelledError(f"the action iam:{action}")
    for name in form:
        if name not in PARAMETERS and not re.fullmatch(r"Tags\.member\.\d+\.(Key|Value)", name):
            raise NotModelledError(f"the {action} parameter {name}")
    if visit.caller.kind == "Account" and action in ("GetUser", "CreateAccessKey") and "UserName" not in form:
        raise NotModelledError("access keys of the root user")
    question = visit.question(f"iam:{action}", _resource(visit, form), resource_account=account, context={})
    verdict = judge(question, visit.standing())
    if not verdict.allowed:
        text = f"User: {visit.caller.arn} is not authorized to perform: {question.action} on resource: "
        raise access_denied(f"{text}{question.resource} {verdict.because}")
    _check_documents(visit, form)
    call = visit.call(account=account)
    if action in READS:
        return visit.stores.storehouse.call(call)
    with visit.stores.locks.lock("iam"):
        answer = visit.stores.storehouse.call(call)
        if answer.status == 200 and visit.stores.journal:
            visit.stores.journal.record_call(call, _new_key(answer) if action == "CreateAccessKey" else {})
    return answer
