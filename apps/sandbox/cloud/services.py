"""What the services share: the stores behind them, one caller's request, and the common context keys.

Owns the names and nothing else; refuses rules of a single service.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakValueDictionary

from apps.sandbox.cloud.authentication import Caller, Scope
from apps.sandbox.cloud.errors import AwsError
from apps.sandbox.cloud.evaluator import Question, Standing
from apps.sandbox.cloud.journal import Journal
from apps.sandbox.cloud.messages import AwsRequest
from apps.sandbox.cloud.sessions import SessionTable
from apps.sandbox.cloud.storehouse import Call, Storehouse


class WriteLocks:
    """One writer per name: two conditional puts of a key at once must not both win."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: WeakValueDictionary[tuple[str, ...], threading.RLock] = WeakValueDictionary()

    def lock(self, *name: str) -> threading.RLock:
        with self._guard:
            return self._locks.setdefault(name, threading.RLock())


class PendingWrites:
    """Conditional writes between their check and their storing: a second one of the same key is a conflict."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: set[tuple[str, str]] = set()

    @contextmanager
    def claim(self, bucket: str, key: str, storehouse: Storehouse) -> Iterator[None]:
        """Be the one conditional write of a key; one that must fail anyway, for the key is there, claims nothing.

        Raises: AwsError("ConditionalRequestConflict").
        """
        name = (bucket, key)
        with self._lock:
            if storehouse.find_object(bucket, key) is None and name in self._names:
                text = "A conflicting conditional operation is in progress against this resource. Please try again."
                raise AwsError(409, "ConditionalRequestConflict", text, fields={"Condition": "If-None-Match"})
            is_first = name not in self._names
            self._names.add(name)
        try:
            yield
        finally:
            if is_first:
                with self._lock:
                    self._names.discard(name)


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything that lasts longer than a request."""

    storehouse: Storehouse
    journal: Journal | None
    clock: Callable[[], datetime]
    sessions: SessionTable = field(default_factory=SessionTable)
    locks: WriteLocks = field(default_factory=WriteLocks)
    pending: PendingWrites = field(default_factory=PendingWrites)


@dataclass(frozen=True, slots=True)
class Visit:
    """An authenticated request on its way through a service.

    Units: hold_seconds, which a test may ask a write to last between its checks and its storing.
    """

    request: AwsRequest
    scope: Scope
    caller: Caller
    stores: Stores
    now: datetime
    hold_seconds: float = 0.0

    def standing(self) -> Standing:
        return self.caller.standing(self.stores.storehouse)

    def context(self) -> dict[str, str]:
        """Build the global condition keys, in lower case."""
        caller, request = self.caller, self.request
        keys = {
            "aws:principalarn": caller.principal_arn,
            "aws:principalaccount": caller.account,
            "aws:principaltype": caller.kind,
            "aws:principalisawsservice": "false",
            "aws:viaawsservice": "false",
            "aws:userid": caller.user_id,
            "aws:sourceip": request.remote_address,
            "aws:securetransport": str(request.is_secure).lower(),
            "aws:currenttime": self.now.isoformat(),
            "aws:epochtime": str(int(self.now.timestamp())),
            "aws:requestedregion": self.scope.region,
        }
        if caller.session is not None and caller.session.source_identity:
            keys["aws:sourceidentity"] = caller.session.source_identity
        if caller.kind == "User":
            keys["aws:username"] = caller.arn.rsplit("/", 1)[-1]
        if "user-agent" in request.headers:
            keys["aws:useragent"] = request.headers["user-agent"]
        return keys

    def question(self, action: str, resource: str, *, resource_account: str, context: dict[str, str]) -> Question:
        return Question(
            action=action,
            resource=resource,
            context=self.context() | {"aws:resourceaccount": resource_account} | context,
            principals=self.caller.principals,
            account=self.caller.account,
            resource_account=resource_account,
        )

    def call(self, *, account: str) -> Call:
        """Turn the request into a call that moto carries out as the account, without credentials."""
        hidden = ("authorization", "x-amz-security-token", "x-amz-content-sha256", "host", "expect")
        headers = {name: value for name, value in self.request.headers.items() if name not in hidden}
        return Call(
            account=account,
            service=self.scope.service,
            region=self.scope.region,
            method=self.request.method,
            target=self.request.target,
            headers=headers,
            body=self.request.body,
        )
