"""moto, reduced to a storehouse: it keeps roles, users, keys, buckets and objects and decides nothing.

Owns every touch of moto: calls in the name of an account, and reads of its tables. Refuses moto's own policy
check (it is wrong on purpose-built policies, see the design notes on AWS) by switching it off.
moto's tables are global to the process: every storehouse of a process looks into the same ones.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

import moto.kms.responses
from moto.core.base_backend import BackendDict
from moto.iam.access_control import PermissionResult
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket, FakeKey, FakeMultipart, s3_backends
from werkzeug.test import run_wsgi_app

from apps.sandbox.cloud.messages import Answer

FakeBucket.get_permission = lambda self, action, resource: PermissionResult.NEUTRAL  # type: ignore[method-assign]
moto.kms.responses.validate_policy = lambda key, action: None  # type: ignore[attr-defined]

SSE = "x-amz-server-side-encryption"
SSE_KEY = f"{SSE}-aws-kms-key-id"
SSE_BUCKET_KEY = f"{SSE}-bucket-key-enabled"
MANAGED_ALIAS = "alias/aws/s3"
Kept = FakeKey | FakeMultipart
_MOTO_HEADERS = {"x-amzn-requestid", "server", "date", "access-control-allow-origin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that moto carries out as the named account; plain enough to be written down and replayed."""

    account: str
    service: str
    region: str
    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What the gate needs of a role; policies are JSON texts."""

    arn: str
    id: str
    trust_policy: str
    policies: tuple[str, ...]
    max_session_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserKey:
    """An IAM user's access key with its owner."""

    secret: str = field(repr=False)
    user_arn: str
    user_id: str
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What the gate needs of a bucket; `policy` is JSON text, `encryption` the rule of default encryption."""

    name: str
    account: str
    region: str
    policy: str | None = None
    encryption: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What the gate needs of a KMS key; `policy` is JSON text, `state` AWS's word for it."""

    arn: str
    id: str
    account: str
    region: str
    policy: str
    state: str


class Storehouse:
    """moto's application and tables."""

    def __init__(self) -> None:
        self._application = DomainDispatcherApplication(create_backend_app)

    def empty(self) -> None:
        """Forget every account, bucket and object of this process."""
        BackendDict.reset()
        s3_backends.bucket_accounts.clear()

    def call(self, call: Call) -> Answer:
        """Let moto carry out a call that has already been allowed."""
        scope = f"AKIA/20260101/{call.region}/{call.service}/aws4_request"
        headers = {
            **call.headers,
            "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            "x-moto-account-id": call.account,
            "host": "localhost",
        }
        path, _, query = call.target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": call.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": call.target,
            "REQUEST_URI": call.target,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_LENGTH": str(len(call.body)),
            "CONTENT_TYPE": call.headers.get("content-type", ""),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(call.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in headers.items():
            if name not in ("content-type", "content-length"):
                environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        chunks, status, answered = run_wsgi_app(self._application, environ, buffered=True)
        body = b"".join(chunks)
        kept = {name.lower(): value for name, value in answered.items() if name.lower() not in _MOTO_HEADERS}
        if not body and call.method != "HEAD":
            kept.pop("content-type", None)
        return Answer(int(status.split()[0]), kept, body)

    def find_role(self, arn: str) -> Role | None:
        account = iam_backends.get(arn.split(":")[4])
        for role in list(account["aws"].roles.values()) if account else []:
            if role.arn == arn:
                return Role(
                    arn=role.arn,
                    id=role.id,
                    trust_policy=role.assume_role_policy_document,
                    policies=tuple(role.policies.values()),
                    max_session_seconds=int(role.max_session_duration or 3600),
                )
        return None

    def list_user_policies(self, user_arn: str) -> tuple[str, ...]:
        user = self._find_user(user_arn)
        return tuple(user.policies.values()) if user else ()

    def find_arn(self, account: str, kind: str, name: str) -> str | None:
        """Find the ARN, path included, of a "role" or "user" by its name."""
        backend = iam_backends[account]["aws"]
        held: list[Any] = list(backend.roles.values() if kind == "role" else backend.users.values())
        return next((item.arn for item in held if item.name == name), None)

    def has_principal(self, arn: str) -> bool:
        """Say whether a role or user of this ARN exists; accounts and sessions need not be made first."""
        if ":role/" in arn:
            return self.find_role(arn) is not None
        return ":user/" not in arn or self._find_user(arn) is not None

    def find_user_key(self, access_key_id: str) -> UserKey | None:
        for account in list(iam_backends.values()):
            key = account["aws"].access_keys.get(access_key_id)
            user = account["aws"].users.get(key.user_name) if key and key.user_name else None
            if key and user:
                return UserKey(
                    secret=key.secret_access_key,
                    user_arn=user.arn,
                    user_id=user.id,
                    is_active=key.status == "Active",
                )
        return None

    def rename_newest_key(self, account: str, user_name: str, *, key_id: str, secret: str) -> None:
        """Give the key that a replayed CreateAccessKey made the id and secret that it had before."""
        backend = iam_backends[account]["aws"]
        key = backend.users[user_name].access_keys[-1]
        del backend.access_keys[key.access_key_id]
        key.access_key_id, key.secret_access_key = key_id, secret
        backend.access_keys[key_id] = key

    def find_bucket(self, name: str) -> Bucket | None:
        bucket = self._find_bucket(name)
        if bucket is None:
            return None
        return Bucket(
            name=name,
            account=bucket.account_id,
            region=bucket.region_name,
            policy=bucket.policy.decode() if bucket.policy else None,
            encryption=bucket.encryption["Rule"] if bucket.encryption else None,
        )

    def find_object(self, bucket: str, key: str) -> FakeKey | None:
        found = self._find_bucket(bucket)
        return found.keys.get(key) if found else None

    def has_region(self, name: str) -> bool:
        return name in kms_backends["000000000000"].regions

    def read_encryption(self, kept: Kept) -> dict[str, str]:
        """Read how an object or upload is encrypted, as the headers of a write would say it."""
        if isinstance(kept, FakeKey):
            algorithm, bucket_key = kept.encryption, kept.bucket_key_enabled
        else:
            algorithm, bucket_key = kept.sse_encryption, getattr(kept, "bucket_key_enabled", None)
        headers = {SSE: algorithm or "AES256"}
        if algorithm == "aws:kms":
            headers |= {SSE_KEY: str(kept.kms_key_id), SSE_BUCKET_KEY: str(bucket_key or "false")}
        return headers

    def keep_bucket_key(self, kept: Kept | None, headers: Mapping[str, str]) -> None:
        """Remember an S3 Bucket Key of an upload, or of the object it became: moto forgets it."""
        setattr(kept, "bucket_key_enabled", headers.get(SSE_BUCKET_KEY))  # noqa: B010 - no such field of an upload

    def find_upload(self, bucket: str, upload_id: str) -> FakeMultipart | None:
        found = self._find_bucket(bucket)
        return found.multiparts.get(upload_id) if found else None

    def find_key(self, account: str, region: str, name: str) -> Key | None:
        """Find a KMS key by its id or by one of its aliases ("alias/…")."""
        for key in self._list_keys(account, region):
            if key.id == name or name in key.aliases:
                return Key(
                    arn=key.arn, id=key.id, account=account, region=region, policy=key.policy, state=key.key_state
                )
        return None

    def find_managed_key(self, account: str, region: str) -> Key | None:
        """Find the account's AWS managed key for S3."""
        return self.find_key(account, region, MANAGED_ALIAS)

    def rename_newest_kms_key(self, account: str, region: str, key_id: str) -> None:
        """Give the KMS key that a replayed call made the id that it had before."""
        keys = kms_backends[account][region].keys
        key = keys.pop(next(reversed(keys)))
        key.arn = key.arn.replace(key.id, key_id)
        key.id = key_id
        for alias in key.aliases.values():
            alias.target_key_id = key_id
        keys[key_id] = key

    def _list_keys(self, account: str, region: str) -> list[Any]:
        held = kms_backends[account]
        return list(held[region].keys.values()) if region in held.regions else []

    def _find_bucket(self, name: str) -> FakeBucket | None:
        place = s3_backends.bucket_accounts.get(name)
        return s3_backends[place[1]][place[0]].buckets.get(name) if place else None

    def _find_user(self, arn: str) -> Any:
        account = iam_backends.get(arn.split(":")[4])
        users = list(account["aws"].users.values()) if account else []
        return next((user for user in users if user.arn == arn), None)
