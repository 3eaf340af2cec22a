"""The control paths below /_fake/: faults to come, the end of all sessions, the log of what was sent.

Owns what tests and the demo may do to the local AWS besides AWS's own calls. Refuses to show a token, a
signature or a secret.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from apps.sandbox.cloud.messages import Answer, AwsRequest

PREFIX = "/_fake/"
HIDDEN_HEADERS = {"authorization", "x-amz-security-token"}


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to the next `count` matching requests; an empty filter matches everything.

    Units: delay_seconds. `lost` = the work is done, then the connection closes without an answer.
    """

    count: int = 1
    service: str = ""
    method: str = ""
    path: str = ""
    status: int = 0
    code: str = ""
    message: str = "A fault that was asked for."
    delay_seconds: float = 0.0
    lost: bool = False


@dataclass(slots=True, kw_only=True)
class LogEntry:
    """One request as it came and how it ended; `status` 0 means that no answer was sent."""

    method: str
    path: str
    query: str
    service: str
    headers: dict[str, str]
    action: str = ""
    status: int = 0
    code: str = ""
    caller_arn: str = ""
    external_id: str | None = None
    role_arn: str | None = None


def start_entry(request: AwsRequest, service: str) -> LogEntry:
    """Begin a log entry from what the request says about itself."""
    headers = {name: value for name, value in request.headers.items() if name not in HIDDEN_HEADERS}
    entry = LogEntry(
        method=request.method, path=request.path, query=request.raw_query, service=service, headers=headers
    )
    if service in ("sts", "iam"):
        form = request.read_form()
        entry.action = form.get("Action", "")
        if entry.action == "AssumeRole":
            entry.external_id, entry.role_arn = form.get("ExternalId"), form.get("RoleArn")
    return entry


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(value).encode())


@dataclass(slots=True)
class Control:
    """The state behind the control paths."""

    expire_sessions: Callable[[], int]
    faults: list[Fault] = field(default_factory=list)
    log: deque[LogEntry] = field(default_factory=lambda: deque(maxlen=5000))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take_fault(self, request: AwsRequest, service: str) -> Fault | None:
        """Take one use of the first fault that fits the request."""
        with self.lock:
            for fault in self.faults:
                fits = fault.service in ("", service) and fault.method.upper() in ("", request.method)
                if fits and fault.path in request.path:
                    fault.count -= 1
                    if fault.count <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    def answer(self, request: AwsRequest) -> Answer:
        """Answer a control path: healthz, log, faults (POST adds, DELETE clears), expire."""
        match (request.method, request.path.removeprefix(PREFIX)):
            case ("GET", "healthz"):
                return _json({"status": "ok"})
            case ("GET", "log"):
                return _json([asdict(entry) for entry in list(self.log)])
            case ("DELETE", "log"):
                self.log.clear()
                return _json({})
            case ("POST", "faults"):
                return self._add_fault(request.body)
            case ("DELETE", "faults"):
                with self.lock:
                    self.faults.clear()
                return _json({})
            case ("POST", "expire"):
                return _json({"expired": self.expire_sessions()})
        return _json({"error": "no such control path"}, 404)

    def _add_fault(self, body: bytes) -> Answer:
        """Add a fault. Shape: the fields of Fault as one JSON object, all optional."""
        try:
            wanted = json.loads(body)
        except ValueError:
            return _json({"error": "not JSON"}, 400)
        known = {item.name: type(item.default) for item in fields(Fault)}
        if not isinstance(wanted, dict) or set(wanted) - set(known):
            return _json({"error": "unknown field", "known": sorted(known)}, 400)
        for name, value in wanted.items():
            if not isinstance(value, (int, float) if known[name] is float else known[name]):
                return _json({"error": f"{name} has the wrong type"}, 400)
        with self.lock:
            self.faults.append(Fault(**wanted))
        return _json({"faults": len(self.faults)}, 201)
