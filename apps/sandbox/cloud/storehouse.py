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

from moto.core.base_backend import BackendDict
from moto.iam.access_control import PermissionResult
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket, FakeKey, FakeMultipart, s3_backends
from werkzeug.test import run_wsgi_app

from apps.sandbox.cloud.messages import Answer

FakeBucket.get_permission = lambda self, action, resource: PermissionResult.NEUTRAL  # type: ignore[method-assign]


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
    """What the gate needs of a bucket; `policy` is JSON text."""

    name: str
    account: str
    region: str
    policy: str | None


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
        policy = bucket.policy.decode() if bucket.policy else None
        return Bucket(name=name, account=bucket.account_id, region=bucket.region_name, policy=policy)

    def find_object(self, bucket: str, key: str) -> FakeKey | None:
        found = self._find_bucket(bucket)
        return found.keys.get(key) if found else None

    def find_upload(self, bucket: str, upload_id: str) -> FakeMultipart | None:
        found = self._find_bucket(bucket)
        return found.multiparts.get(upload_id) if found else None

    def _find_bucket(self, name: str) -> FakeBucket | None:
        place = s3_backends.bucket_accounts.get(name)
        return s3_backends[place[1]][place[0]].buckets.get(name) if place else None

    def _find_user(self, arn: str) -> Any:
        account = iam_backends.get(arn.split(":")[4])
        users = list(account["aws"].users.values()) if account else []
        return next((user for user in users if user.arn == arn), None)
