"""The patient's pages: one question a page; they work without JavaScript; refusal is a success for the patient."""

from __future__ import annotations

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from apps.applications.services import count_request, note_key_use
from apps.audit.request_facts import seen
from apps.authorizations import services
from apps.authorizations.models import Consent, ConsentText, PatientAuthorization
from apps.authorizations.services import ConsentClosed, SignInClosed, SignInRefused
from apps.authorizations.services.sign_in import find_sign_in
from apps.authorizations.states import UNFINISHED, Usage
from apps.workspaces.scoped_admin import root_url

from . import forms, tickets
from .answers import consent_page, patient, patient_page, show_page, stopped, to_application, way_back
from .external_ids import hash_for_logs, named_person
from .policies import content_policy, source_origins

logger = logging.getLogger("relay.consent")

SHARED_KINDS = [
    "claims and coverage", "visits", "conditions", "medicines", "laboratory results", "vital signs",
    "immunizations", "procedures", "care plans", "documents", "care team",
]  # fmt: skip


@patient_page("GET")
def authorize(request: HttpRequest) -> HttpResponse:
    """`GET /link/auth`: open a consent for an application. Source: wire contract 3a."""
    now = timezone.now()
    try:
        opening = forms.read_authorize(request.GET, now=now)
    except forms.UnknownClient as refused:
        return stopped(request, str(refused), status=400)
    except forms.RequestRefused as refused:
        return to_application(refused.redirect_uri, refused.state, error=refused.error, error_description=str(refused))
    return open_pages(request, opening)


@patient_page("GET")
def open_link(request: HttpRequest) -> HttpResponse:
    """The widget's first page (Link v1): the same consent, answered with a public token."""
    try:
        opening = forms.read_link(request.GET, now=timezone.now())
    except forms.UnknownClient as refused:
        return stopped(request, str(refused), status=400)
    return open_pages(request, opening)


def open_pages(request: HttpRequest, opening: forms.Opening) -> HttpResponse:
    """Open a consent and lead to its first page, from wherever we are."""
    now = timezone.now()
    who = f"{opening.key.pk} {seen(request).client_ip}"  # the key is public: nobody may use up another's minute
    allowance = count_request(what="open", who=who, per_minute=settings.LINK_PER_MINUTE)
    if allowance is not None and allowance.is_exceeded:
        response = stopped(request, "Too many requests came from here. Wait a minute and start again.", status=429)
        for name, value in allowance.headers.items():
            response[name] = value
        return response
    note_key_use(api_key=opening.key, ip=seen(request).client_ip, now=now)
    external_id = opening.request.external_id
    if opening.key.mode == "test" and (look := named_person(external_id)):
        logger.warning("external id %s looks like %s", hash_for_logs(external_id), look)
    consent = services.open_consent(request=opening.request, by=patient(request), now=now)
    if opening.endpoint is not None:
        services.choose_endpoint(consent=consent, endpoint=opening.endpoint, by=patient(request), now=now)
    response = HttpResponseRedirect(root_url("consent", tickets.ticket_for(consent)))
    if not consent.opener_origin:  # a frame has no cookie: the tab that leaves for the source gets it
        tickets.bind(response, consent)
    return response


@consent_page("GET", "POST")
def introduction(request: HttpRequest, consent: Consent, ticket: str) -> HttpResponse:
    """Who asks and why."""
    if request.method == "POST" and "refuse" in request.POST:
        return _refuse(request, consent)
    chosen = _chosen(consent)
    onward = reverse("consent-confirm" if chosen else "consent-source", args=[ticket])
    return show_page(
        request,
        consent,
        "introduction",
        {
            "onward": onward,
            "kinds": SHARED_KINDS,
            "duration": _duration(consent, consent.usage),
            "named_person": named_person(consent.end_user.external_id) if consent.mode == "test" else "",
        },
    )


@consent_page("GET", "POST")
def choose_source(request: HttpRequest, consent: Consent, ticket: str) -> HttpResponse:
    """Choose the plan or provider."""
    if request.method == "POST":
        endpoint = forms.find_endpoint(request.POST.get("endpoint", ""), consent.mode)
        if endpoint is not None:
            try:
                services.choose_endpoint(consent=consent, endpoint=endpoint, by=patient(request), now=timezone.now())
            except ConsentClosed as closed:
                return stopped(request, str(closed), status=410, consent=consent)
            return HttpResponseRedirect(reverse("consent-confirm", args=[ticket]))
    text = request.GET.get("q", "")
    found = forms.search_endpoints(consent.application, consent.mode, text)
    return show_page(
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


@consent_page("GET", "POST")
def confirm(request: HttpRequest, consent: Consent, ticket: str) -> HttpResponse:
    """What is shared; allow or refuse; then the patient leaves for the source."""
    authorization = _chosen(consent)
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
        "waiting": reverse("consent-waiting", args=[ticket]),
        "back": reverse("consent-source", args=[ticket]),
    }
    return show_page(request, consent, "confirm", context, form_action=source_origins(authorization))


def _allow(request: HttpRequest, consent: Consent, authorization: PatientAuthorization) -> HttpResponse:
    text = ConsentText.objects.filter(locale="en").order_by("-created_at", "-pk").first()
    if text is None:
        raise AssertionError("the first consent text comes with the migrations")
    now = timezone.now()
    try:
        services.agree(consent=consent, text=text, shared_kinds=SHARED_KINDS, by=patient(request), now=now)
        url = services.start_sign_in(authorization=authorization, by=patient(request), now=now)
    except (ConsentClosed, SignInClosed) as closed:
        return stopped(request, str(closed), status=410)
    except SignInRefused as refused:
        return stopped(request, str(refused), status=502, back=way_back(consent, str(refused)))
    response = HttpResponseRedirect(url)
    response["Content-Security-Policy"] = content_policy(source_origins(authorization), ancestors=[])
    tickets.bind(response, consent)
    return response


@patient_page("GET")
def callback(request: HttpRequest) -> HttpResponse:
    """Back from the source, by the browser that left."""
    state, now = request.GET.get("state", ""), timezone.now()
    sign_in = find_sign_in(state)
    if sign_in is None or not tickets.is_bound(request, sign_in.authorization.consent):
        return stopped(
            request, "This sign-in was not started in this browser, or it is over. Nothing was shared.", status=400
        )
    consent = sign_in.authorization.consent
    try:
        if "code" not in request.GET:
            services.bounce_sign_in(state=state, by=patient(request), now=now)
            return _answer(request, consent, error="access_denied", error_description="The source refused the sign-in.")
        _, token = services.complete_sign_in(state=state, code=request.GET["code"], by=patient(request), now=now)
    except SignInClosed as closed:
        return stopped(request, str(closed), status=410)
    except SignInRefused as refused:
        return stopped(request, str(refused), status=502, back=way_back(consent, str(refused)))
    if consent.flow == Consent.Flow.OAUTH:
        return _answer(request, consent, code=token)
    if consent.opener_origin:
        return show_page(request, consent, "signed_in", {"reference": consent.pk})  # the frame asks for the token
    return show_page(request, consent, "done", {"public_token": token, "reference": consent.pk})


def _refuse(request: HttpRequest, consent: Consent) -> HttpResponse:
    try:
        services.refuse(consent=consent, by=patient(request), now=timezone.now())
    except ConsentClosed as closed:
        return stopped(request, str(closed), status=410, consent=consent)
    return _answer(request, consent, error="access_denied", error_description="The patient did not allow it.")


def _answer(request: HttpRequest, consent: Consent, **answer: str) -> HttpResponse:
    """Tell the application at its redirect URI; a widget's page says it itself."""
    if consent.flow == Consent.Flow.OAUTH:
        return to_application(consent.redirect_uri, consent.client_state, **answer)
    return show_page(request, consent, "refused", {"reference": consent.pk})


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
