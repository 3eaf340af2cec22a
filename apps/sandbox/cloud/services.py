"""What the three services share: the stores behind them, one caller's request, and the common context keys.

Owns the names and nothing else; refuses rules of a single service.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from apps.sandbox.cloud.authentication import Caller, Scope
from apps.sandbox.cloud.evaluator import Question, Standing
from apps.sandbox.cloud.journal import Journal
from apps.sandbox.cloud.messages import AwsRequest
from apps.sandbox.cloud.sessions import SessionTable
from apps.sandbox.cloud.storehouse import Call, Storehouse


class WriteLocks:
    """One writer per name: two conditional puts of a key at once must not both win."""

    def __init__(self) -> None:
        self._locks = [threading.RLock() for _ in range(64)]

    def lock(self, *name: str) -> threading.RLock:
        return self._locks[hash(name) % len(self._locks)]


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything that lasts longer than a request."""

    storehouse: Storehouse
    journal: Journal | None
    clock: Callable[[], datetime]
    sessions: SessionTable = field(default_factory=SessionTable)
    locks: WriteLocks = field(default_factory=WriteLocks)


@dataclass(frozen=True, slots=True)
class Visit:
    """An authenticated request on its way through a service."""

    request: AwsRequest
    scope: Scope
    caller: Caller
    stores: Stores
    now: datetime

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
