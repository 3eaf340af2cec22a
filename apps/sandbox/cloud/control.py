"""The control paths below /_fake/: faults to come, the end of sessions, the clock, the log of what was sent.

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

    `region` is the one that the request is signed for. `headers` and `fields` go into the error's answer, as
    `{"status": 307, "code": "TemporaryRedirect", "headers": {"location": …}, "fields": {"Endpoint": …}}` needs.
    `lost` = the work is done, then the connection closes without an answer.
    Units: delay_seconds, before anything is looked at; hold_seconds, between an S3 write's checks and its storing.
    """

    count: int = 1
    service: str = ""
    region: str = ""
    method: str = ""
    path: str = ""
    status: int = 0
    code: str = ""
    message: str = "A fault that was asked for."
    headers: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    hold_seconds: float = 0.0
    lost: bool = False

    def fits(self, request: AwsRequest, service: str, region: str) -> bool:
        return (
            self.service in ("", service)
            and self.region in ("", region)
            and self.method.upper() in ("", request.method)
            and self.path in request.path
        )


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
    if service == "kms":
        entry.action = request.headers.get("x-amz-target", "").rpartition(".")[2]
    return entry


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(value).encode())


def _refuse() -> Answer:
    return _json({"error": "not a JSON object, an unknown field, or one of the wrong type"}, 400)


def _read_object(body: bytes, known: dict[str, type]) -> dict[str, Any] | None:
    """Read a JSON object of known fields; an empty body is an empty object; None when it is anything else."""
    try:
        wanted = json.loads(body or b"{}")
    except ValueError:
        return None
    if not isinstance(wanted, dict) or set(wanted) - set(known):
        return None
    kinds = {name: (int, float) if kind is float else kind for name, kind in known.items()}
    return wanted if all(isinstance(value, kinds[name]) for name, value in wanted.items()) else None


@dataclass(slots=True)
class Control:
    """The state behind the control paths."""

    expire_sessions: Callable[[str], int]
    offset_seconds: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    log: deque[LogEntry] = field(default_factory=lambda: deque(maxlen=5000))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take_fault(self, request: AwsRequest, service: str, region: str) -> Fault | None:
        """Take one use of the first fault that fits the request."""
        with self.lock:
            for fault in self.faults:
                if fault.fits(request, service, region):
                    fault.count -= 1
                    if fault.count <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    def answer(self, request: AwsRequest) -> Answer:
        """Answer a control path: healthz, log, faults (POST adds, DELETE clears), expire, clock (DELETE resets)."""
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
                wanted = _read_object(request.body, {"role_arn": str})
                return (
                    _refuse()
                    if wanted is None
                    else _json({"expired": self.expire_sessions(wanted.get("role_arn", ""))})
                )
            case ("POST", "clock"):
                wanted = _read_object(request.body, {"offset_seconds": float})
                if wanted is None or not wanted:
                    return _refuse()
                self.offset_seconds = float(wanted["offset_seconds"])
                return _json({"offset_seconds": self.offset_seconds})
            case ("DELETE", "clock"):
                self.offset_seconds = 0.0
                return _json({})
        return _json({"error": "no such control path"}, 404)

    def _add_fault(self, body: bytes) -> Answer:
        """Add a fault. Shape: the fields of Fault as one JSON object, all optional."""
        plain = Fault()
        wanted = _read_object(body, {item.name: type(getattr(plain, item.name)) for item in fields(Fault)})
        if wanted is None:
            return _refuse()
        with self.lock:
            self.faults.append(Fault(**wanted))
        return _json({"faults": len(self.faults)}, 201)
