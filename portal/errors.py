"""Error pages in the layout, or as problem details below an API; the last one without layout, for when that fails."""

from __future__ import annotations

import sys

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import loader

from apps.applications.problems import problem_response
from apps.fhir.outcomes import operation_outcome
from apps.workspaces.scoped_admin import InOtherMode, RoleDoesNotAllow

RETRY_AFTER_SECONDS = 5
PATIENTS_PAGES = ("/link/c/", "/link/auth", "/link/open", "/link/callback", "/oauth/authorize")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    status = 413 if isinstance(exception, RequestDataTooBig) else 400
    if _is_api(request):
        return problem_response(request, status=status, code="bad_request", detail="The request cannot be read.")
    if _is_fhir(request):
        return _outcome(status, "invalid", "The request cannot be read.")
    return render(request, "400.html", status=status)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return problem_response(request, status=403, code="forbidden", detail=str(exception) or "Not allowed.")
    return render(request, "403.html", _refusal(request, exception), status=403)


def csrf_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without its token; `CSRF_FAILURE_VIEW`."""
    return render(request, "403_csrf.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return problem_response(request, status=404, code="not_found", detail="There is nothing at this address.")
    if _is_link(request):
        return _link_refusal(404, "Not Found", f"There is nothing at {request.path[:100]}.")
    elsewhere = exception if isinstance(exception, InOtherMode) else None
    return render(request, "404.html", {"elsewhere": elsewhere}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what nobody expected; a database that is away is no fault of the request, and passes."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return _unavailable(request)
    if _is_api(request):
        detail = "Something failed on our side. Name the request id when you ask for help."
        return problem_response(request, status=500, code="error", detail=detail)
    if _is_link(request):
        return _link_refusal(500, "server_error", "An unexpected error occurred. Please try again later.")
    if _is_fhir(request):
        return _outcome(500, "exception", "Something failed on our side. Name the request id when you ask for help.")
    context = {"request_id": getattr(request, "request_id", "")}
    return HttpResponse(loader.get_template("500.html").render(context), status=500)


def _unavailable(request: HttpRequest) -> HttpResponse:
    if _is_api(request):
        detail = "The database does not answer right now. Nothing was changed; send the request again."
        answer: HttpResponse = problem_response(request, status=503, code="unavailable", detail=detail)
    elif _is_link(request):
        answer = _link_refusal(503, "server_error", "The database does not answer right now. Send the request again.")
    elif _is_fhir(request):
        answer = _outcome(503, "exception", "The database does not answer in time. Ask again, or for less.")
    else:
        context = {"request_id": getattr(request, "request_id", "")}
        answer = HttpResponse(loader.get_template("503.html").render(context), status=503)
    answer["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


def _refusal(request: HttpRequest, exception: Exception) -> dict[str, object]:
    """Say which role would do, to those who are members."""
    if not isinstance(exception, RoleDoesNotAllow):
        return {"reason": str(exception)}
    scope, membership = getattr(request, "scope", None), getattr(request, "membership", None)
    slug = scope.workspace_slug if scope else membership.workspace.slug if membership else ""
    return {"refusal": exception, "workspace_slug": slug}


def _is_api(request: HttpRequest) -> bool:
    return "/api/v1/" in request.path


def _is_link(request: HttpRequest) -> bool:
    return request.path.startswith(("/link/", "/oauth/", "/rest/")) and not request.path.startswith(PATIENTS_PAGES)


def _is_fhir(request: HttpRequest) -> bool:
    return request.path.startswith("/fhir/")


def _outcome(status: int, code: str, text: str) -> HttpResponse:
    body = operation_outcome(code=code, text=text)
    return HttpResponse(body, content_type="application/fhir+json", status=status)


def _link_refusal(status: int, error: str, told: str) -> HttpResponse:
    body = {"statusCode": status, "error": error, "message": told, "error_description": told}
    return JsonResponse(body, status=status)
