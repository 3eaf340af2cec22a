"""Error pages in the layout, or as problem details below an API; the last one without layout, for when that fails."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader

from apps.applications.problems import problem_response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return problem_response(request, status=400, code="bad_request", detail="The request cannot be read.")
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return problem_response(request, status=403, code="forbidden", detail=str(exception) or "Not allowed.")
    return render(request, "403.html", {"reason": str(exception)}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return problem_response(request, status=404, code="not_found", detail="There is nothing at this address.")
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    if _is_api(request):
        detail = "Something failed on our side. Name the request id when you ask for help."
        return problem_response(request, status=500, code="error", detail=detail)
    context = {"request_id": getattr(request, "request_id", "")}
    return HttpResponse(loader.get_template("500.html").render(context), status=500)


def _is_api(request: HttpRequest) -> bool:
    return "/api/v1/" in request.path
