"""The `FlexpaLink` widget: its script, its place at `/`, what its frame learns. Source: wire contract 3c, rulings A1.

The frame holds the same pages as any consent; the sign-in happens in a tab of its own, because sources refuse frames.
The tab has no way to the frame (browsers keep their storage apart), so the frame asks here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.authorizations.models import Consent
from apps.authorizations.services import ConsentClosed, renew_public_token
from apps.authorizations.states import UNFINISHED, AuthorizationState

from . import tickets
from .answers import OUTSIDE, consent_page, patient_page, show_page, stopped
from .policies import is_outside_its_frame
from .views import open_link

View = Callable[..., HttpResponse]
SCRIPT_SECONDS = 3600
OVER = "The time to finish is over. Nothing was shared. Close this and start again."
REFUSED = "Nothing was shared."
FAILED = "The source did not complete the sign-in. Nothing was shared."
FINISHED = "This is finished already."


@require_safe
def script(request: HttpRequest) -> HttpResponse:
    """`GET /v1/`: defines `FlexpaLink`, which opens its frame on our own origin."""
    text = _script().replace('"__BASE__"', json.dumps(settings.PUBLIC_URL))
    response = HttpResponse(text, content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={SCRIPT_SECONDS}"
    return response


def at_root(home: View) -> View:
    """Return the view of `/`: the widget's frame for the builds that open it there, `home` for everybody else."""

    def root(request: HttpRequest) -> HttpResponse:
        return open_link(request) if "publishableKey" in request.GET else home(request)

    return root


@consent_page("GET")
def waiting(request: HttpRequest, consent: Consent, ticket: str) -> HttpResponse:
    """What the frame shows while the patient is in the other tab."""
    addresses: dict[str, object] = {
        "result": reverse("consent-result", args=[ticket]),
        "back": reverse("consent-source", args=[ticket]),
        "introduction": reverse("consent", args=[ticket]),
        "over": OVER,
    }
    return show_page(request, consent, "waiting", addresses)


@patient_page("POST")
def result(request: HttpRequest, ticket: str) -> HttpResponse:
    """Tell the frame how it ended; 410 when it is too late. Shape: {type, payload, message}, type "" while open."""
    consent = tickets.find_consent(ticket)
    if consent is None:
        return stopped(request, OVER, status=410)
    if not consent.opener_origin or is_outside_its_frame(request, consent):
        return stopped(request, OUTSIDE, status=403)
    return JsonResponse(_outcome(consent))


def _outcome(consent: Consent) -> dict[str, str]:
    now = timezone.now()
    if consent.refused_at is not None:
        return _said("REJECTED", REFUSED)
    latest = consent.authorizations.order_by("-created_at").first()
    state = AuthorizationState(latest.state) if latest else AuthorizationState.CREATED
    if state == AuthorizationState.AUTHORIZED:
        try:
            return {"type": "SUCCESS", "payload": renew_public_token(consent=consent, now=now), "message": ""}
        except ConsentClosed:
            return _said("CLOSED", FINISHED)
    if state == AuthorizationState.BOUNCED:
        return _said("REJECTED", REFUSED)
    if state == AuthorizationState.ERRORED:
        return _said("ERROR", FAILED)
    if state == AuthorizationState.ABANDONED or (state in UNFINISHED and consent.expires_at <= now):
        return _said("TIMEOUT", OVER)
    return _said("", "") if state in UNFINISHED else _said("CLOSED", FINISHED)


def _said(kind: str, message: str) -> dict[str, str]:
    return {"type": kind, "payload": message, "message": message}


@cache
def _script() -> str:
    found = finders.find("js/link.js") or str(Path(settings.STATIC_ROOT) / "js" / "link.js")
    return Path(str(found)).read_text(encoding="utf-8")
