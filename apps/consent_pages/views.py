"""The patient's pages: one question a page; they work without JavaScript; refusal is a success for the patient."""

from __future__ import annotations

import re
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from apps.audit.events import Actor, ActorKind
from apps.authorizations import services, smart
from apps.authorizations.models import Consent, ConsentText, PatientAuthorization
from apps.authorizations.services import ConsentClosed, SignInClosed, SignInRefused
from apps.authorizations.services.sign_in import find_sign_in
from apps.authorizations.states import UNFINISHED, Usage
from apps.outbound.failures import SourceError

from . import forms, tickets

SHARED_KINDS = [
    "claims and coverage", "visits", "conditions", "medicines", "laboratory results", "vital signs",
    "immunizations", "procedures", "care plans", "documents", "care team",
]  # fmt: skip
# What may stand in a policy: nothing that could end its directive and begin another.
ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?(?=[/?#]|$)", re.IGNORECASE)


def patient(request: HttpRequest) -> Actor:
    return Actor(
        kind=ActorKind.PATIENT,
        ip=request.client_ip,  # type: ignore[attr-defined]
        request_id=request.request_id,  # type: ignore[attr-defined]
        user_agent=request.headers.get("User-Agent", "")[:300],
    )


@never_cache
@require_GET
def authorize(request: HttpRequest) -> HttpResponse:
    """`GET /link/auth`: open a consent for an application. Source: wire contract 3a."""
    now = timezone.now()
    try:
        opening = forms.read_authorize(request.GET, now=now)
    except forms.UnknownClient as refused:
        return _stopped(request, str(refused), status=400)
    except forms.RequestRefused as refused:
        return _to_application(refused.redirect_uri, refused.state, error=refused.error, error_description=str(refused))
    return _open(request, opening)


@never_cache
@require_GET
def open_link(request: HttpRequest) -> HttpResponse:
    """The widget's first page (Link v1): the same consent, answered with a public token."""
    try:
        opening = forms.read_link(request.GET, now=timezone.now())
    except forms.UnknownClient as refused:
        return _stopped(request, str(refused), status=400)
    return _open(request, opening)


def _open(request: HttpRequest, opening: forms.Opening) -> HttpResponse:
    now = timezone.now()
    consent = services.open_consent(request=opening.request, by=patient(request), now=now)
    if opening.endpoint is not None:
        services.choose_endpoint(consent=consent, endpoint=opening.endpoint, by=patient(request), now=now)
    response = HttpResponseRedirect(reverse("consent", args=[tickets.ticket_for(consent)]))
    tickets.bind(response, consent)
    return response


@never_cache
@csrf_exempt  # the ticket is the capability; a frame has no cookie to compare with (rulings A1)
@require_http_methods(["GET", "POST"])
def introduction(request: HttpRequest, ticket: str) -> HttpResponse:
    """Who asks and why."""
    consent = tickets.find_consent(ticket)
    if consent is None:
        return _stopped(request, str(ConsentClosed()), status=410)
    if request.method == "POST" and "refuse" in request.POST:
        return _refuse(request, consent)
    chosen = _chosen(consent)
    onward = reverse("consent-confirm" if chosen else "consent-source", args=[ticket])
    return _page(
        request,
        consent,
        "introduction",
        {"onward": onward, "kinds": SHARED_KINDS, "duration": _duration(consent, consent.usage)},
    )


@never_cache
@csrf_exempt
@require_http_methods(["GET", "POST"])
def choose_source(request: HttpRequest, ticket: str) -> HttpResponse:
    """Choose the plan or provider."""
    consent = tickets.find_consent(ticket)
    if consent is None:
        return _stopped(request, str(ConsentClosed()), status=410)
    if request.method == "POST":
        endpoint = forms.find_endpoint(request.POST.get("endpoint", ""), consent.mode)
        if endpoint is not None:
            try:
                services.choose_endpoint(consent=consent, endpoint=endpoint, by=patient(request), now=timezone.now())
            except ConsentClosed as closed:
                return _stopped(request, str(closed), status=410)
            return HttpResponseRedirect(reverse("consent-confirm", args=[ticket]))
    text = request.GET.get("q", "")
    found = forms.search_endpoints(consent.application, consent.mode, text)
    return _page(
        request,
        consent,
        "source",
        {
            "endpoints": found,
            "query": text,
            "missing": request.method == "POST",
            "back": reverse("consent", args=[ticket]),
        },
    )


@never_cache
@csrf_exempt
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest, ticket: str) -> HttpResponse:
    """What is shared; allow or refuse; then the patient leaves for the source."""
    consent = tickets.find_consent(ticket)
    authorization = None if consent is None else _chosen(consent)
    if consent is None:
        return _stopped(request, str(ConsentClosed()), status=410)
    if authorization is None:
        return HttpResponseRedirect(reverse("consent-source", args=[ticket]))
    if request.method == "POST" and "refuse" in request.POST:
        return _refuse(request, consent)
    if request.method == "POST" and request.POST.get("agreed") == "yes":
        return _allow(request, consent, authorization)
    text = ConsentText.objects.filter(locale="en").order_by("-created_at", "-pk").first()
    body = (
        text.body.format(application=consent.application.name, duration=_duration(consent, authorization.usage))
        if text
        else ""
    )
    context = {
        "authorization": authorization,
        "paragraphs": [part for part in body.split("\n\n") if part.strip()],
        "unticked": request.method == "POST",
        "back": reverse("consent-source", args=[ticket]),
    }
    return _page(request, consent, "confirm", context, form_action=_source_origins(authorization))


def _allow(request: HttpRequest, consent: Consent, authorization: PatientAuthorization) -> HttpResponse:
    text = ConsentText.objects.filter(locale="en").order_by("-created_at", "-pk").first()
    if text is None:
        raise AssertionError("the first consent text comes with the migrations")
    now = timezone.now()
    try:
        services.agree(consent=consent, text=text, shared_kinds=SHARED_KINDS, by=patient(request), now=now)
        url = services.start_sign_in(authorization=authorization, by=patient(request), now=now)
    except (ConsentClosed, SignInClosed) as closed:
        return _stopped(request, str(closed), status=410)
    except SignInRefused as refused:
        return _stopped(request, str(refused), status=502, consent=consent)
    response = HttpResponseRedirect(url)
    response["Content-Security-Policy"] = _policy(_source_origins(authorization))
    return response


@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Back from the source, by the browser that left."""
    state, now = request.GET.get("state", ""), timezone.now()
    sign_in = find_sign_in(state)
    if sign_in is None or not tickets.is_bound(request, sign_in.authorization.consent):
        return _stopped(
            request, "This sign-in was not started in this browser, or it is over. Nothing was shared.", status=400
        )
    consent = sign_in.authorization.consent
    try:
        if "code" not in request.GET:
            services.bounce_sign_in(state=state, by=patient(request), now=now)
            return _answer(request, consent, error="access_denied", error_description="The source refused the sign-in.")
        _, token = services.complete_sign_in(state=state, code=request.GET["code"], by=patient(request), now=now)
    except SignInClosed as closed:
        return _stopped(request, str(closed), status=410)
    except SignInRefused as refused:
        return _stopped(request, str(refused), status=502, consent=consent)
    if consent.flow == Consent.Flow.OAUTH:
        return _answer(request, consent, code=token)
    return _page(request, consent, "done", {"public_token": token, "reference": consent.pk})


def _refuse(request: HttpRequest, consent: Consent) -> HttpResponse:
    try:
        services.refuse(consent=consent, by=patient(request), now=timezone.now())
    except ConsentClosed as closed:
        return _stopped(request, str(closed), status=410)
    return _answer(request, consent, error="access_denied", error_description="The patient did not allow it.")


def _answer(request: HttpRequest, consent: Consent, **answer: str) -> HttpResponse:
    """Tell the application at its redirect URI; a widget's page says it itself."""
    if consent.flow == Consent.Flow.OAUTH:
        return _to_application(consent.redirect_uri, consent.client_state, **answer)
    return _page(request, consent, "refused", {"reference": consent.pk})


def _to_application(redirect_uri: str, state: str, **answer: str) -> HttpResponse:
    query = {**answer, **({"state": state} if state else {})}
    response = HttpResponse(status=302)
    response["Location"] = f"{redirect_uri}{'&' if urlsplit(redirect_uri).query else '?'}{urlencode(query)}"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _stopped(request: HttpRequest, message: str, *, status: int, consent: Consent | None = None) -> HttpResponse:
    back = ""
    if consent is not None and consent.flow == Consent.Flow.OAUTH:
        answer = {"error": "server_error", "error_description": message}
        back = _to_application(consent.redirect_uri, consent.client_state, **answer)["Location"]
    return render(
        request, "consent_pages/stopped.html", {"message": message, "back_to_application": back}, status=status
    )


def _page(
    request: HttpRequest, consent: Consent, name: str, context: dict[str, object], form_action: list[str] | None = None
) -> HttpResponse:
    steps = {"introduction": 1, "source": 2, "confirm": 3, "done": 4, "refused": 4}
    shared = {"consent": consent, "application": consent.application, "mode": consent.mode, "step": steps[name]}
    response = render(request, f"consent_pages/{name}.html", {**shared, **context})
    response["Content-Security-Policy"] = _policy([*_origins(consent.redirect_uri), *(form_action or [])])
    return response


def _policy(origins: list[str]) -> str:
    """The consent variant of D12: forms may also lead to this request's own application and source."""
    targets = " ".join(["'self'", *dict.fromkeys(origins)])
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"form-action {targets}; frame-ancestors 'none'; base-uri 'none'"
    )


def _source_origins(authorization: PatientAuthorization) -> list[str]:
    """Where the source's sign-in lives, so that the browser lets the form lead there."""
    try:
        authorize_url, _ = smart.discover(authorization.endpoint)
    except SourceError:
        return []
    return _origins(authorize_url)


def _origins(url: str) -> list[str]:
    found = ORIGIN.match(url)
    return [found[0]] if found else []


def _chosen(consent: Consent) -> PatientAuthorization | None:
    return (
        consent.authorizations.filter(state__in=UNFINISHED)
        .select_related("endpoint", "application", "consent")
        .order_by("-created_at")
        .first()
    )


def _duration(consent: Consent, usage: str) -> str:
    hours, days = settings.ONE_TIME_SECONDS // 3600, settings.REFRESH_TOKEN_SECONDS // 86_400
    if usage == Usage.MULTIPLE:
        return f"until you stop it, or until {consent.application.name} has not asked for {days} days."
    return f"once. What was fetched is deleted from our systems after {hours} hours."
