"""`Idempotency-Key` on POST: the same request twice is done once.

Owns the claim, the stored answer and its end; refuses to store a secret: a repeat of an answer that carried
one gets the object without it and `secret_already_shown: true` (architecture 3, rulings A10). Only answers of
success are kept: a refused request may be put right and sent again under its key. If a process dies in the
middle, the key is free again after `RUNNING_FOR`.
Source: IETF draft "The Idempotency-Key HTTP Header Field".
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.db.models import Q
from django.utils import timezone
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from .authentication import KeyAccess, access_of
from .models import IdempotencyRecord
from .problems import Conflict

HEADER = "Idempotency-Key"
KEPT_FOR = dt.timedelta(hours=24)
RUNNING_FOR = dt.timedelta(minutes=5)
Handler = Callable[..., Response]


class KeyReused(APIException):
    """The key belongs to another request."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = f"This {HEADER} was used for another request. Send a new one."


class SecretResponse(Response):
    """An answer that carries a secret in one field; that field is never stored."""

    def __init__(self, data: dict[str, Any], *, secret_field: str) -> None:
        super().__init__(data, status=HTTPStatus.CREATED)
        self.secret_field = secret_field


def idempotent(handler: Handler) -> Handler:
    """Honour the header on a POST handler; every POST of the management API has this decorator."""

    @functools.wraps(handler)
    def handle(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return handler(view, request, *args, **kwargs)
        record = claim(access=access_of(request), key=_checked(key), request_sha256=_hash(request), now=timezone.now())
        if record.status is not None:
            return Response(record.body, status=record.status)
        response = None
        try:
            response = handler(view, request, *args, **kwargs)
        finally:
            if response is None:
                record.delete()
        _keep(record, response)
        return response

    handle.is_idempotent = True  # type: ignore[attr-defined]
    return handle


def claim(*, access: KeyAccess, key: str, request_sha256: str, now: dt.datetime) -> IdempotencyRecord:
    """Return a record to work under (`status` null), or the one that holds the answer.

    Raises: KeyReused for another request, Conflict while the first one still runs.
    """
    place = {"application": access.application, "mode": access.mode.value, "key": key}
    crashed = Q(status__isnull=True, created_at__lte=now - RUNNING_FOR)
    IdempotencyRecord.objects.filter(Q(expires_at__lte=now) | crashed, **place).delete()
    record, is_first = IdempotencyRecord.objects.get_or_create(
        **place,
        defaults={"request_sha256": request_sha256, "created_at": now, "expires_at": now + KEPT_FOR},
    )
    if is_first:
        return record
    if record.request_sha256 != request_sha256:
        raise KeyReused
    if record.status is None:
        raise Conflict("The first request with this key is still running. Ask again soon.", "still_running")
    return record


def purge_idempotency_records(*, now: dt.datetime) -> int:
    """Delete what has expired; return how many."""
    deleted, _ = IdempotencyRecord.objects.filter(expires_at__lte=now).delete()
    return deleted


def _keep(record: IdempotencyRecord, response: Response) -> None:
    record.status, record.body = response.status_code, _plain(response.data)
    if isinstance(response, SecretResponse):
        body = {name: value for name, value in _plain(response.data).items() if name != response.secret_field}
        record.status, record.body = HTTPStatus.OK, {**body, "secret_already_shown": True}
    record.save(update_fields=["status", "body"])


def _plain(data: Any) -> Any:
    """Return the JSON values that REST framework's encoder will write."""
    return json.loads(json.dumps(data, cls=JSONEncoder))


def _checked(key: str) -> str:
    """Raises: ValidationError."""
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise ValidationError({HEADER: ["Send 1 to 255 printable ASCII characters."]})
    return key


def _hash(request: Request) -> str:
    """Method, path and body, the body by value: the order of names in an object says nothing."""
    body = json.dumps(request.data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{request.method} {request.path_info}\n{body}".encode()).hexdigest()
