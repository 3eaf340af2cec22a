"""Answers of the Link API: one shape for every refusal, the same headers on everything (C39).

Shape of a refusal: {"statusCode", "error", "message", "error_description"}; `error` is a phrase at the Link
endpoints, a code of RFC 6749 5.2 at the token endpoint. Where clients know the words, `message` is those to the letter,
and only `error_description` goes on to say why.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from .limits import Throttled, allowance_of

View = Callable[[HttpRequest], JsonResponse]


class Refused(Exception):
    """A refusal; the text is a sentence that names the field and the way out, after the `known` words if any."""

    def __init__(self, status: int, message: str, *, error: str = "", authenticate: str = "", known: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.error = error or HTTPStatus(status).phrase
        self.authenticate = authenticate
        self.known = known or message


def link_view(method: str) -> Callable[[View], View]:
    """Decorate a view of the Link API: one method, every refusal in the one shape, nothing cached."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @functools.wraps(view)
        def answered(request: HttpRequest) -> JsonResponse:
            try:
                if request.method != method:
                    raise Refused(405, f"{request.path} takes {method} only, this was {request.method}.")
                response = view(request)
            except Throttled as throttled:
                response = refusal(Refused(429, str(throttled), error="throttled"))
            except Refused as refused:
                response = refusal(refused)
                if refused.status == HTTPStatus.METHOD_NOT_ALLOWED:
                    response["Allow"] = method
            if allowance := allowance_of(request):
                for name, value in allowance.headers.items():
                    response[name] = value
            response["Cache-Control"] = "no-store"
            response["Pragma"] = "no-cache"
            return response

        return answered

    return decorate


def refusal(refused: Refused) -> JsonResponse:
    body: dict[str, Any] = {
        "statusCode": int(refused.status),
        "error": refused.error,
        "message": refused.known,
        "error_description": str(refused),
    }
    response = JsonResponse(body, status=refused.status)
    if refused.authenticate:
        response["WWW-Authenticate"] = refused.authenticate
    return response
