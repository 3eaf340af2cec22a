"""The gate: one WSGI callable that every request of the local AWS passes.

Owns the order: fault, authentication, the service, the log. Refuses services other than S3, STS, IAM and KMS (501).
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from apps.sandbox.cloud.authentication import authenticate, read_scope
from apps.sandbox.cloud.control import PREFIX, Control, Fault, LogEntry, start_entry
from apps.sandbox.cloud.errors import AwsError, NotModelledError, render_error
from apps.sandbox.cloud.iam import answer_iam
from apps.sandbox.cloud.journal import Journal
from apps.sandbox.cloud.kms import answer_kms
from apps.sandbox.cloud.messages import Answer, AwsRequest, read_request
from apps.sandbox.cloud.s3 import answer_s3
from apps.sandbox.cloud.s3_operations import find_operation
from apps.sandbox.cloud.services import Stores, Visit
from apps.sandbox.cloud.storehouse import Storehouse
from apps.sandbox.cloud.sts import answer_sts

SERVICES: dict[str, Callable[[Visit], Answer]] = {
    "s3": answer_s3,
    "sts": answer_sts,
    "iam": answer_iam,
    "kms": answer_kms,
}
_CODE = re.compile(rb'<Code>([\w.]+)<|"__type": ?"(\w+)"')


def _now() -> datetime:
    return datetime.now(UTC)


def _claimed_scope(request: AwsRequest) -> tuple[str, str]:
    """Read which service and region a request says it is for; an unsigned form post goes to STS, the rest to S3."""
    try:
        scope = read_scope(request)
    except AwsError:
        return ("sts" if request.method == "POST" and request.path == "/" else "s3"), ""
    return scope.service, scope.region


class Gate:
    """The local AWS as a WSGI application. `state` is the folder that survives a restart, if any."""

    def __init__(
        self, storehouse: Storehouse, *, state: Path | None = None, clock: Callable[[], datetime] = _now
    ) -> None:
        journal = Journal(state) if state else None
        if journal:
            try:
                journal.replay(storehouse)
            except BaseException:
                journal.close()
                raise
        self._control = Control(lambda role_arn: self._stores.sessions.expire(self._stores.clock(), role_arn=role_arn))
        self._stores = Stores(storehouse, journal, lambda: clock() + timedelta(seconds=self._control.offset_seconds))

    def close(self) -> None:
        """Let go of the state folder."""
        if self._stores.journal:
            self._stores.journal.close()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = read_request(environ)
        is_control = request.path.startswith(PREFIX)
        answer = self._control.answer(request) if is_control else self._answer(request)
        headers = dict(answer.headers)
        if not (request.method == "HEAD" and "content-length" in headers):
            headers["content-length"] = str(len(answer.body))
        phrase = HTTPStatus(answer.status).phrase
        start_response(f"{answer.status} {phrase}", list(headers.items()))
        return [b"" if request.method == "HEAD" else answer.body]

    def _answer(self, request: AwsRequest) -> Answer:
        service, region = _claimed_scope(request)
        entry = start_entry(request, service)
        self._control.log.append(entry)
        fault = self._control.take_fault(request, service, region) or Fault()
        if fault.delay_seconds:
            time.sleep(fault.delay_seconds)
        request_id = uuid.uuid4().hex[:16].upper()
        try:
            if fault.status:
                wanted = fault.code or "InternalError"
                raise AwsError(fault.status, wanted, fault.message, fields=fault.fields, headers=fault.headers)
            answer = self._serve(request, entry, hold_seconds=fault.hold_seconds)
        except AwsError as error:
            entry.code = error.code
            answer = render_error(error, service=service, method=request.method, request_id=request_id)
        if answer.status >= 400 and not entry.code and (code := _CODE.search(answer.body)):
            entry.code = (code[1] or code[2]).decode()
        if fault.lost:
            raise ConnectionResetError("the answer is lost because a test asked for it")
        entry.status = answer.status
        ids = {"x-amz-request-id": request_id, "x-amz-id-2": request_id}
        if service != "s3":
            ids = {"x-amzn-requestid": request_id}
        return Answer(answer.status, {**answer.headers, **ids}, answer.body)

    def _serve(self, request: AwsRequest, entry: LogEntry, *, hold_seconds: float) -> Answer:
        scope = read_scope(request)
        if scope.service not in SERVICES:
            raise NotModelledError(f"the service {scope.service}")
        now = self._stores.clock()
        caller = authenticate(
            request, scope, storehouse=self._stores.storehouse, sessions=self._stores.sessions, now=now
        )
        entry.caller_arn = caller.arn
        if scope.service == "s3":
            entry.action = find_operation(request).name
        answer = SERVICES[scope.service](Visit(request, scope, caller, self._stores, now, hold_seconds))
        if answer.status >= 500:
            raise NotModelledError(f"{entry.action}: the storehouse could not do it")
        return answer
