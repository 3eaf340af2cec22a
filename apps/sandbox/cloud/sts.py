"""The Security Token Service: AssumeRole as AWS documents it, and GetCallerIdentity.

Owns limits, the trust decision and the session lengths. Every refusal has one message, the same for a role
that does not exist, so that nobody learns which roles there are. Refuses MFA, managed session policies,
transitive tags and every other action (501).
Source: STS API, "AssumeRole"; IAM User Guide, "Roles terms and concepts" (role chaining);
botocore's STS model for the limits.
"""

from __future__ import annotations

import re
from datetime import timedelta
from xml.sax.saxutils import escape

from apps.sandbox.cloud.errors import XML_NAMESPACES, AwsError, NotModelledError, access_denied
from apps.sandbox.cloud.evaluator import may_assume
from apps.sandbox.cloud.messages import Answer
from apps.sandbox.cloud.policies import Policy, PolicyKind, parse_policy
from apps.sandbox.cloud.services import Visit
from apps.sandbox.cloud.sessions import Session
from apps.sandbox.cloud.storehouse import Role

CHAINED_SECONDS = 3600
ROLE_ARN = re.compile(r"arn:aws:iam::\d{12}:role/[\w+=,.@/-]{1,512}")
_LIMITS = {
    "RoleSessionName": re.compile(r"[\w+=,.@-]{2,64}"),
    "ExternalId": re.compile(r"[\w+=,.@:/-]{2,1224}"),
    "SourceIdentity": re.compile(r"[\w+=,.@-]{2,64}"),
    "DurationSeconds": re.compile(r"\d{1,6}"),
}
_PARAMETERS = {*_LIMITS, "Action", "Version", "RoleArn", "Policy"}


def _invalid(message: str) -> AwsError:
    return AwsError(400, "ValidationError", message)


def _check_parameters(form: dict[str, str]) -> None:
    """Refuse what AssumeRole does not take. Raises: AwsError("ValidationError"), NotModelledError."""
    for name in form:
        if name not in _PARAMETERS and not re.fullmatch(r"Tags\.member\.\d+\.(Key|Value)", name):
            raise NotModelledError(f"the AssumeRole parameter {name}")
    if not ROLE_ARN.fullmatch(form.get("RoleArn", "")):
        raise _invalid("The role ARN is invalid.")
    if "RoleSessionName" not in form:
        raise _invalid("The role session name is missing.")
    for name, pattern in _LIMITS.items():
        if name in form and not pattern.fullmatch(form[name]):
            raise _invalid(f"Value at '{name}' failed to satisfy constraint.")
    if not 900 <= int(form.get("DurationSeconds", "3600")) <= 43200:
        raise _invalid("Value at 'DurationSeconds' failed to satisfy constraint: 900 to 43200.")
    if len(form.get("Policy", "")) > 2048:
        raise _invalid("Value at 'Policy' failed to satisfy constraint: at most 2048 characters.")


def _source_identity(visit: Visit, form: dict[str, str]) -> str:
    """Answer the source identity of the session to be; a chained session keeps the one that its first one got."""
    held = visit.caller.session.source_identity if visit.caller.session else ""
    return held or form.get("SourceIdentity", "")


def _check_trust(visit: Visit, form: dict[str, str]) -> Role:
    """Find the role that the caller may assume. Raises: AwsError("AccessDenied"), always the same."""
    if visit.caller.kind == "Account":
        raise access_denied("Roles may not be assumed by root accounts.")
    arn = form["RoleArn"]
    refusal = access_denied(f"User: {visit.caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}")
    role = visit.stores.storehouse.find_role(arn)
    if role is None:
        raise refusal
    source_identity = _source_identity(visit, form)
    if form.get("SourceIdentity", source_identity) != source_identity:
        raise refusal
    named = {"sts:externalid": form.get("ExternalId"), "sts:sourceidentity": source_identity or None}
    context = {key: value for key, value in named.items() if value is not None}
    context["sts:rolesessionname"] = form["RoleSessionName"]
    actions = ["sts:AssumeRole"]
    if any(name.startswith("Tags.") for name in form):
        actions.append("sts:TagSession")
    if source_identity:
        actions.append("sts:SetSourceIdentity")
    trust = parse_policy(role.trust_policy, PolicyKind.TRUST)
    standing = visit.standing()
    for action in actions:
        question = visit.question(action, arn, resource_account=arn.split(":")[4], context=context)
        if not may_assume(question, standing, trust):
            raise refusal
    return role


def assume_role(visit: Visit, form: dict[str, str]) -> Answer:
    """Hand out a session of a role."""
    _check_parameters(form)
    seconds = int(form.get("DurationSeconds", "3600"))
    if visit.caller.session is not None and seconds > CHAINED_SECONDS:
        raise _invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    policy: Policy | None = None
    if "Policy" in form:
        policy = parse_policy(form["Policy"], PolicyKind.IDENTITY)
    role = _check_trust(visit, form)
    if seconds > role.max_session_seconds:
        raise _invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    session = Session(
        role_arn=role.arn,
        role_id=role.id,
        name=form["RoleSessionName"],
        policy=policy,
        source_identity=_source_identity(visit, form),
        expires_at=visit.now.replace(microsecond=0) + timedelta(seconds=seconds),
    )
    visit.stores.sessions.add(session)
    credentials = (
        f"<AccessKeyId>{session.access_key_id}</AccessKeyId>"
        f"<SecretAccessKey>{escape(session.secret)}</SecretAccessKey>"
        f"<SessionToken>{escape(session.token)}</SessionToken>"
        f"<Expiration>{session.expires_at:%Y-%m-%dT%H:%M:%SZ}</Expiration>"
    )
    user = f"<AssumedRoleId>{session.role_id}:{session.name}</AssumedRoleId><Arn>{escape(session.arn)}</Arn>"
    identity = session.source_identity
    tail = f"<SourceIdentity>{escape(identity)}</SourceIdentity>" if identity else ""
    inner = f"<Credentials>{credentials}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>{tail}"
    return _render("AssumeRole", inner)


def get_caller_identity(visit: Visit) -> Answer:
    """Say who is calling; AWS lets nobody forbid this."""
    caller = visit.caller
    who = f"<UserId>{caller.user_id}</UserId><Account>{caller.account}</Account>"
    inner = f"<Arn>{escape(caller.arn)}</Arn>{who}"
    return _render("GetCallerIdentity", inner)


def _render(action: str, inner: str) -> Answer:
    body = (
        f'<{action}Response xmlns="{XML_NAMESPACES["sts"]}"><{action}Result>{inner}</{action}Result></{action}Response>'
    )
    return Answer(200, {"content-type": "text/xml"}, body.encode())


def answer_sts(visit: Visit) -> Answer:
    """Answer one STS call. Raises: AwsError."""
    form = visit.request.read_form()
    action = form.get("Action", "")
    if action == "AssumeRole":
        return assume_role(visit, form)
    if action == "GetCallerIdentity":
        return get_caller_identity(visit)
    raise NotModelledError(f"the action sts:{action}")
