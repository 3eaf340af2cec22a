"""Temporary credentials that the local STS handed out.

Owns their table and their end; refuses to outlive the process (after a restart a client assumes again).
"""

from __future__ import annotations

import secrets
import string
import threading
from dataclasses import dataclass, field
from datetime import datetime

from apps.sandbox.cloud.policies import Policy


def _random_key_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))


@dataclass(slots=True, kw_only=True)
class Session:
    """One assumed role. `policy` is the session policy, None when none was handed over.

    `source_identity` is empty when nobody set one; it goes on into the sessions that are chained to this one.
    """

    role_arn: str
    role_id: str
    name: str
    policy: Policy | None
    expires_at: datetime
    source_identity: str = ""
    access_key_id: str = field(default_factory=lambda: _random_key_id("ASIA"))
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(30), repr=False)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(180), repr=False)

    @property
    def account(self) -> str:
        return self.role_arn.split(":")[4]

    @property
    def arn(self) -> str:
        role_name = self.role_arn.rsplit("/", 1)[-1]
        return f"arn:aws:sts::{self.account}:assumed-role/{role_name}/{self.name}"


class SessionTable:
    """Every session of this process, by access key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def add(self, session: Session) -> None:
        with self._lock:
            self._sessions[session.access_key_id] = session

    def find(self, access_key_id: str) -> Session | None:
        with self._lock:
            return self._sessions.get(access_key_id)

    def expire(self, now: datetime, *, role_arn: str) -> int:
        """End every running session, or one role's; answer how many there were."""
        with self._lock:
            concerned = [session for session in self._sessions.values() if role_arn in ("", session.role_arn)]
            running = [session for session in concerned if session.expires_at > now]
            for session in running:
                session.expires_at = now
            return len(running)
