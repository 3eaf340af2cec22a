"""The frame of every answer: methods, format, refusals as OperationOutcome, what is left of the allowance.

Owns the only `try` of the FHIR API; refuses to know what a view reads. Source: FHIR R4 "RESTful API".
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from apps.applications.services import Allowance
from apps.fhir.outcomes import FhirError

from .access import ALLOWANCE
from .negotiation import check_format

CONTENT_TYPE = "application/fhir+json"
READING = ("GET", "HEAD")

View = Callable[..., HttpResponseBase]


def fhir_view(methods: Sequence[str]) -> Callable[[View], View]:
    """Turn every FhirError into an OperationOutcome, and other methods into one."""

    def decorate(view: View) -> View:
        @csrf_exempt  # a token is sent, never a cookie
        @functools.wraps(view)
        def wrapped(request: HttpRequest, **path: str) -> HttpResponseBase:
            try:
                if request.method not in methods:
                    text = f"Supported here: {', '.join(methods)}; not {request.method}."
                    raise FhirError("not-supported", text=text, status=405)
                check_format(request)
                response = view(request, **path)
            except FhirError as error:
                response = _refusal(error, methods)
            allowance: Allowance | None = getattr(request, ALLOWANCE, None)
            for name, value in (allowance.headers if allowance else {}).items():
                response[name] = value
            return response

        return wrapped

    return decorate


fhir = fhir_view(READING)


def _refusal(error: FhirError, methods: Sequence[str]) -> HttpResponse:
    response = HttpResponse(error.body(), content_type=CONTENT_TYPE, status=error.status)
    if error.retry_after_seconds is not None:
        response["Retry-After"] = str(int(error.retry_after_seconds))
        if error.code == "transient":  # the contract's own header, of the first sync alone
            response["X-Retry-After"] = response["Retry-After"]
    if error.status == 405:
        response["Allow"] = ", ".join(methods)
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response
