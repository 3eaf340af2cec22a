"""Who is calling: Signature Version 4 in the Authorization header, checked to the last byte.

Owns credentials (root by account number, IAM users' keys, sessions), the signature, the clock and the end of
sessions. Refuses presigned URLs, SigV4a and signed chunks (501).
Source: AWS General Reference, "Signature Version 4 signing process"; S3 API, "Authenticating requests".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from apps.sandbox.cloud.errors import AwsError, NotModelledError
from apps.sandbox.cloud.evaluator import Standing
from apps.sandbox.cloud.messages import AwsRequest
from apps.sandbox.cloud.policies import ALLOW_EVERYTHING, PolicyKind, parse_policy
from apps.sandbox.cloud.sessions import Session, SessionTable
from apps.sandbox.cloud.storehouse import Storehouse

ROOT_SECRET = "test"  # noqa: S105 - the seeding identity of a sandbox, known to everybody on purpose
ALLOWED_SKEW = timedelta(minutes=15)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[\w-]+)/(?P<service>[\w-]+)"
    r"/aws4_request,\s*SignedHeaders=(?P<signed>[\w;.-]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


# How each service words a refusal that has nothing to do with what was asked; STS and IAM share theirs.
_WORDS: dict[str, dict[str, tuple[int, str]]] = {
    "s3": {
        "unknown key": (403, "InvalidAccessKeyId"),
        "bad token": (400, "InvalidToken"),
        "skewed": (403, "RequestTimeTooSkewed"),
        "bad signature": (403, "SignatureDoesNotMatch"),
        "expired": (400, "ExpiredToken"),
        "refused": (403, "AccessDenied"),
    },
    "kms": {
        "unknown key": (400, "UnrecognizedClientException"),
        "bad token": (400, "UnrecognizedClientException"),
        "skewed": (400, "InvalidSignatureException"),
        "bad signature": (400, "InvalidSignatureException"),
        "expired": (400, "ExpiredTokenException"),
        "refused": (400, "IncompleteSignatureException"),
    },
}
_QUERY_WORDS = {
    "unknown key": (403, "InvalidClientTokenId"),
    "bad token": (403, "InvalidClientTokenId"),
    "skewed": (403, "SignatureDoesNotMatch"),
    "bad signature": (403, "SignatureDoesNotMatch"),
    "expired": (403, "ExpiredTokenException"),
    "refused": (403, "AccessDenied"),
}


def _refusal(scope: Scope, what: str, message: str) -> AwsError:
    status, code = _WORDS.get(scope.service, _QUERY_WORDS)[what]
    return AwsError(status, code, message)


@dataclass(frozen=True, slots=True)
class Scope:
    """The parsed Authorization header."""

    key: str
    date: str
    region: str
    service: str
    signed: tuple[str, ...]
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated principal. `kind` is aws:PrincipalType: Account, User or AssumedRole."""

    kind: str
    arn: str
    user_id: str
    principal_arn: str
    session: Session | None = None

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def principals(self) -> frozenset[str]:
        return frozenset((self.arn, self.principal_arn))

    def standing(self, storehouse: Storehouse) -> Standing:
        """Gather the policies that speak for the caller as they are now, so a change counts at once."""
        if self.kind == "Account":
            return Standing(identity=(ALLOW_EVERYTHING,))
        if self.session is None:
            texts = storehouse.list_user_policies(self.arn)
        else:
            role = storehouse.find_role(self.principal_arn)
            # A role that was deleted and made again under the same name is another role.
            texts = role.policies if role and role.id == self.session.role_id else ()
        return Standing(
            identity=tuple(parse_policy(text, PolicyKind.IDENTITY) for text in texts),
            session=self.session.policy if self.session else None,
        )


def read_scope(request: AwsRequest) -> Scope:
    """Read the credential scope without believing it. Raises: AwsError for missing or odd authentication."""
    header = request.headers.get("authorization")
    if header is None:
        if "X-Amz-Algorithm" in request.query or "AWSAccessKeyId" in request.query:
            raise NotModelledError("presigned URLs")
        if request.method == "POST" and request.path == "/":
            raise AwsError(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        raise AwsError(403, "AccessDenied", "Access Denied")
    match = _AUTHORIZATION.fullmatch(header.strip())
    if match is None:
        if not header.startswith("AWS4-HMAC-SHA256"):
            raise NotModelledError("this way of signing")
        raise AwsError(400, "AuthorizationHeaderMalformed", "The authorization header is malformed.")
    parts = match.groupdict()
    return Scope(
        key=parts["key"],
        date=parts["date"],
        region=parts["region"],
        service=parts["service"],
        signed=tuple(parts["signed"].split(";")),
        signature=parts["signature"],
    )


def _find_caller(scope: Scope, token: str, *, storehouse: Storehouse, sessions: SessionTable) -> tuple[Caller, str]:
    """Find the caller and its secret. Raises: AwsError, in S3's or the query services' words."""
    session = sessions.find(scope.key)
    expected_token = session.token if session else ""
    if session is not None:
        user_id = f"{session.role_id}:{session.name}"
        principal = session.role_arn
        caller = Caller(kind="AssumedRole", arn=session.arn, user_id=user_id, principal_arn=principal, session=session)
        secret = session.secret
    elif re.fullmatch(r"\d{12}", scope.key):
        arn = f"arn:aws:iam::{scope.key}:root"
        caller, secret = Caller(kind="Account", arn=arn, user_id=scope.key, principal_arn=arn), ROOT_SECRET
    else:
        key = storehouse.find_user_key(scope.key)
        if key is None or not key.is_active:
            text = "The AWS Access Key Id or security token you provided does not exist in our records."
            raise _refusal(scope, "unknown key", text)
        caller = Caller(kind="User", arn=key.user_arn, user_id=key.user_id, principal_arn=key.user_arn)
        secret = key.secret
    if not hmac.compare_digest(token.encode(), expected_token.encode()):
        raise _refusal(scope, "bad token", "The provided token is malformed or otherwise invalid.")
    return caller, secret


def _check_clock(request: AwsRequest, scope: Scope, now: datetime) -> str:
    """Answer the request's x-amz-date. Raises: AwsError when it is missing, odd or 15 minutes off."""
    stamp = request.headers.get("x-amz-date", "")
    try:
        sent_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        text = "AWS authentication requires a valid Date or x-amz-date header"
        raise _refusal(scope, "refused", text) from error
    if abs(now - sent_at) > ALLOWED_SKEW:
        word = "Signature expired" if sent_at < now else "Signature not yet current"
        text = f"{word}: {stamp}. The difference between the request time and the current time is too large."
        raise _refusal(scope, "skewed", text)
    if scope.date != stamp[:8]:
        raise _refusal(scope, "bad signature", "Date in Credential scope does not match x-amz-date.")
    return stamp


def _encode(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def canonical_request(request: AwsRequest, scope: Scope) -> str:
    """Rebuild the text that the client signed."""
    is_s3 = scope.service == "s3"
    path = request.raw_path if is_s3 else quote(request.raw_path, safe="/-_.~")
    pairs = [part.partition("=") for part in request.raw_query.split("&") if part]
    query = "&".join(sorted(f"{_encode(name)}={_encode(value)}" for name, _, value in pairs))
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in scope.signed)
    declared = request.headers.get("x-amz-content-sha256")
    payload = declared if is_s3 and declared else hashlib.sha256(request.body).hexdigest()
    return "\n".join((request.method, path, query, headers, ";".join(scope.signed), payload))


def sign(text: str, *, secret: str, scope: Scope, stamp: str) -> str:
    """Sign a canonical request for a credential scope."""
    place = f"{scope.date}/{scope.region}/{scope.service}/aws4_request"
    digest = hashlib.sha256(text.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, f"AWS4-HMAC-SHA256\n{stamp}\n{place}\n{digest}".encode(), "sha256").hex()


def authenticate(
    request: AwsRequest, scope: Scope, *, storehouse: Storehouse, sessions: SessionTable, now: datetime
) -> Caller:
    """Prove who is calling: known key, right token, clock, all x-amz headers signed, signature, not expired.

    Raises: AwsError with the code of the first that fails.
    """
    token = request.headers.get("x-amz-security-token", "")
    caller, secret = _find_caller(scope, token, storehouse=storehouse, sessions=sessions)
    stamp = _check_clock(request, scope, now)
    must_sign = {"host"} | {name for name in request.headers if name.startswith("x-amz-")}
    if must_sign - set(scope.signed):
        text = "There were headers present in the request which were not signed"
        raise _refusal(scope, "refused", text)
    expected = sign(canonical_request(request, scope), secret=secret, scope=scope, stamp=stamp)
    if not hmac.compare_digest(expected, scope.signature):
        text = "The request signature we calculated does not match the signature you provided."
        raise _refusal(scope, "bad signature", text)
    if caller.session is not None and caller.session.expires_at <= now:
        raise _refusal(scope, "expired", "The provided token has expired.")
    return caller
