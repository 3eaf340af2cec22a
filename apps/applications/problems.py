"""Every error of the management API as a problem.

Owns the shape of errors; refuses to repeat what was sent.
Shape: {"type", "title", "status", "detail", "code", "request_id", "errors": [{"field", "message"}]}
Source: RFC 9457 (`about:blank`: the status says what it is; `code` is the stable word for programs).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import FieldError, ObjectDoesNotExist, RequestDataTooBig
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import ValidationError as InvalidValue
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

CONTENT_TYPE = "application/problem+json"
INVALID = "The request is not valid. `errors` says which fields and why."


class Conflict(exceptions.APIException):
    """The request is well formed; the object's state forbids it."""

    status_code = HTTPStatus.CONFLICT
    default_code = "conflict"


class TooLarge(exceptions.APIException):
    """The body is larger than `DATA_UPLOAD_MAX_MEMORY_SIZE`."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = "The body is too large."


class Gone(exceptions.APIException):
    """What the request needs was deleted for good."""

    status_code = HTTPStatus.GONE
    default_code = "gone"


def problem_details(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer `exc` as a problem; None for what nobody expected, which Django's handler of 500 answers."""
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, DjangoPermissionDenied):
        exc = exceptions.PermissionDenied()
    elif isinstance(exc, RequestDataTooBig):
        exc = TooLarge()
    if not isinstance(exc, exceptions.APIException):
        return None
    status, code, detail, errors = exc.status_code, _code(exc), str(exc.detail), None
    if isinstance(exc, exceptions.ValidationError):
        detail, errors = INVALID, list(_field_errors(exc.detail))
    elif isinstance(exc, exceptions.NotFound):
        detail = f"There is no such object here.{_hint(context)}"
    body = problem(context["request"], status=status, code=code, detail=detail, errors=errors)
    return Response(body, status=status, headers=_headers(exc), content_type=CONTENT_TYPE)


def problem(
    request: object, *, status: int, code: str, detail: str, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """Build the body of a problem."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "request_id": getattr(request, "request_id", ""),
    }
    if errors is not None:
        body["errors"] = errors
    return body


def problem_response(request: HttpRequest, *, status: int, code: str, detail: str) -> JsonResponse:
    """Answer a problem where no API view was reached: Django's handlers of 400, 403, 404 and 500."""
    body = problem(request, status=status, code=code, detail=detail)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)


def _hint(context: Mapping[str, Any]) -> str:
    """Tell a member that the object is in the other mode (ux 7); whoever else asks learns nothing."""
    view: Any = context["view"]
    access: Any = getattr(context["request"], "auth", None)
    pk = getattr(view, "kwargs", {}).get("pk")
    if pk is None or not getattr(access, "is_person", False) or "application_id" not in view.scope_fields:
        return ""
    try:
        others = view.get_queryset().filter(application_id=access.application.pk).exclude(mode=access.mode.value)
        return f" It is in {others.get(pk=pk).mode} mode: look there."
    except (FieldError, ObjectDoesNotExist, ValueError, InvalidValue):
        return ""  # no mode of its own, or nothing there either


def _code(exc: exceptions.APIException) -> str:
    if isinstance(exc, exceptions.ValidationError):
        return "invalid"
    codes = exc.get_codes()
    return codes if isinstance(codes, str) else exc.default_code


def _headers(exc: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = str(challenge)
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def _field_errors(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Flatten REST framework's nested errors; a field inside a field is written with a dot."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            part = "" if name == "non_field_errors" else str(name)
            yield from _field_errors(inner, ".".join(filter(None, (path, part))))
    elif isinstance(detail, list | tuple):
        for inner in detail:
            yield from _field_errors(inner, path)
    else:
        yield {"field": path, "message": str(detail)}
