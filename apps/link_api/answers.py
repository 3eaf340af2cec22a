"""Answers of the Link API: one shape for every refusal, the same headers on everything (C39).

Shape of a refusal: {"statusCode", "error", "message", "error_description"}; `error` is a phrase at the Link
endpoints, a code of RFC 6749 5.2 at the token endpoint.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

View = Callable[[HttpRequest], JsonResponse]


class Refused(Exception):
    """A refusal; the text is a sentence that names the field and the way out."""

    def __init__(self, status: int, message: str, *, error: str = "", authenticate: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.error = error or HTTPStatus(status).phrase
        self.authenticate = authenticate


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
            except Refused as refused:
                response = refusal(refused)
                if refused.status == HTTPStatus.METHOD_NOT_ALLOWED:
                    response["Allow"] = method
            response["Cache-Control"] = "no-store"
            response["Pragma"] = "no-cache"
            return response

        return answered

    return decorate


def refusal(refused: Refused) -> JsonResponse:
    message = str(refused)
    body: dict[str, Any] = {
        "statusCode": int(refused.status),
        "error": refused.error,
        "message": message,
        "error_description": message,
    }
    response = JsonResponse(body, status=refused.status)
    if refused.authenticate:
        response["WWW-Authenticate"] = refused.authenticate
    return response
