"""The few kinds of answer that this server gives. Owns their headers."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.wrappers import Response

from apps.sandbox.payer import pages
from apps.sandbox.payer.outcomes import Refusal, operation_outcome

_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def fhir(body: bytes) -> Response:
    """Answer with FHIR JSON, its bytes untouched."""
    return Response(body, content_type="application/fhir+json; charset=utf-8")


def json_document(value: Any, *, status: int = 200) -> Response:
    """Answer with JSON that nobody may cache."""
    body = json.dumps(value)
    return Response(body, status=status, content_type="application/json", headers=_NOT_KEPT)


def html(page: str, *, status: int = 200, redirect_uri: str = "") -> Response:
    """Answer with a page, whose forms may end at `redirect_uri`."""
    headers = pages.security_headers(redirect_uri)
    return Response(page, status=status, content_type="text/html; charset=utf-8", headers=headers)


def redirect(location: str) -> Response:
    """Send the browser on."""
    return Response(status=303, headers=_NOT_KEPT | {"Location": location})


def refusal(error: Refusal) -> Response:
    """Answer with the OperationOutcome of a refusal."""
    response = fhir(operation_outcome(str(error), code=error.code))
    response.status_code = error.status
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="fhir", error="invalid_token"'
    return response
