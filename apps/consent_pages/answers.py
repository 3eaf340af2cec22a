"""How the patient's pages answer: which methods they take, their policy, a page for what stops, the way back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from apps.audit.events import Actor, ActorKind
from apps.audit.request_facts import actor_behind
from apps.authorizations.models import Consent
from apps.authorizations.services import ConsentClosed

from . import tickets
from .policies import content_policy, frame_ancestors, is_outside_its_frame, origins_of

View = Callable[..., HttpResponse]
STEPS = {"introduction": 1, "source": 2, "confirm": 3, "waiting": 3, "done": 4, "refused": 4, "signed_in": 4}
OUTSIDE = "This page belongs into the application that asks for your records. Go back there and start again."


def patient(request: HttpRequest) -> Actor:
    return actor_behind(request, ActorKind.PATIENT)


def patient_page(*methods: str) -> Callable[[View], View]:
    """Decorate a page: never cached, these methods, and a page for what cannot be read.

    Exempt from the CSRF cookie: the ticket in the address is the capability, and a frame has no cookie to compare
    with (rulings A1).
    """

    def decorate(view: View) -> View:
        @csrf_exempt
        @never_cache
        @functools.wraps(view)
        def answered(request: HttpRequest, **path: str) -> HttpResponse:
            if request.method not in methods:
                response = stopped(request, f"This page takes {' and '.join(methods)} only.", status=405)
                response["Allow"] = ", ".join(methods)
                return response
            try:
                return view(request, **path)
            except RequestDataTooBig:
                return stopped(request, "What was sent is too large for this page. Go back and try again.", status=413)
            except (BadRequest, SuspiciousOperation, MultiPartParserError, UnreadablePostError):
                return stopped(request, "What was sent cannot be read. Go back and try again.", status=400)

        return answered

    return decorate


def consent_page(*methods: str) -> Callable[[View], View]:
    """Decorate a page with a ticket in its address: it is called with the ticket's consent."""

    def decorate(view: View) -> View:
        @patient_page(*methods)
        @functools.wraps(view)
        def found(request: HttpRequest, ticket: str) -> HttpResponse:
            consent = tickets.find_consent(ticket)
            if consent is None:
                return stopped(request, str(ConsentClosed()), status=410)
            if is_outside_its_frame(request, consent):
                return stopped(request, OUTSIDE, status=403)
            return view(request, consent, ticket)

        return found

    return decorate


def show_page(
    request: HttpRequest, consent: Consent, name: str, context: dict[str, object], form_action: list[str] | None = None
) -> HttpResponse:
    shared = {"consent": consent, "application": consent.application, "mode": consent.mode, "step": STEPS[name]}
    response = render(request, f"consent_pages/{name}.html", {**shared, **context})
    return _under_policy(response, consent, [*origins_of(consent.redirect_uri), *(form_action or [])])


def stopped(
    request: HttpRequest, message: str, *, status: int, consent: Consent | None = None, back: str = ""
) -> HttpResponse:
    """Say why it cannot go on; in the widget's frame if `consent` has one; `back` leads to the application."""
    context = {"message": message, "back_to_application": back, "consent": consent}
    response = render(request, "consent_pages/stopped.html", context, status=status)
    return response if consent is None or not consent.opener_origin else _under_policy(response, consent, [])


def way_back(consent: Consent, message: str) -> str:
    """Return the application's address for "it failed", or "" where there is none."""
    if consent.flow != Consent.Flow.OAUTH:
        return ""
    answer = {"error": "server_error", "error_description": message}
    return to_application(consent.redirect_uri, consent.client_state, **answer)["Location"]


def to_application(redirect_uri: str, state: str, **answer: str) -> HttpResponse:
    query = {**answer, **({"state": state} if state else {})}
    response = HttpResponse(status=302)
    response["Location"] = f"{redirect_uri}{'&' if urlsplit(redirect_uri).query else '?'}{urlencode(query)}"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _under_policy(response: HttpResponse, consent: Consent, form_action: list[str]) -> HttpResponse:
    ancestors = frame_ancestors(consent)
    response["Content-Security-Policy"] = content_policy(form_action, ancestors=ancestors)
    if ancestors:
        response.xframe_options_exempt = True  # the policy says it better
    return response
