"""How an event is hashed into its workspace's chain. Pure.

hash(n) = SHA-256(hash(n-1) + canonical JSON of event n); the chain starts from 32 zero bytes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

START = bytes(32)
FIELDS = (
    "id", "workspace_id", "application_id", "mode", "actor_kind", "actor_id", "actor_label", "action",
    "target_type", "target_id", "detail", "ip", "request_id",
)  # fmt: skip


def link(previous: bytes, event: Any) -> bytes:
    """Return the hash of `event` behind `previous`. Shape: event has FIELDS and `at`."""
    content = {name: getattr(event, name) for name in FIELDS}
    content["at"] = event.at.astimezone(dt.UTC).isoformat()
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(previous + canonical.encode()).digest()
