"""A developer plays a synthetic patient: opens the consent pages from the portal and comes back to it.

Owns what an application does around a consent: the request with its publishable key and PKCE, the code's exchange.
Test mode only: the page is on no other site.
"""

from __future__ import annotations

import base64
import hashlib
import secrets

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import ApiKey
from apps.applications.selectors import list_running_keys
from apps.authorizations.models import Consent
from apps.authorizations.services import AuthorizationRequest, InvalidGrant
from apps.authorizations.states import Usage
from apps.syncs.services import exchange_code
from apps.workspaces.authentication import actor_of
from apps.workspaces.models import ONE_LINE
from apps.workspaces.scoped_admin import Crumb, Need, Scope, portal_page, render_page, scope_on

from .forms import Opening
from .views import open_pages

SESSION_KEY = "played_consent"
NO_KEY = "The consent pages are opened with a publishable key, and this application has none in test. Create one."
NOT_FINISHED = "The consent did not come to its end, and nothing is shared. Connect the patient again."
CONNECTED = "The patient is connected. The first sync has started; its deliveries are listed below it."
LIST = "authorizations_patientauthorization_changelist"
INTRO = (
    "You play the patient, on the pages that your patients will see. The source names the synthetic people who can"
    " sign in there. Your own application sends its patients to the same pages, and they come back to its redirect"
    " URI, which you register under Settings."
)


class PlayForm(forms.Form):
    user = forms.CharField(
        max_length=255,
        initial="synthetic-1",
        validators=[ONE_LINE],
        help_text="Your own ID of this user. It stands in the object keys of your bucket, so it should name nobody.",
    )


@portal_page(Need.WRITE)
def play(request: HttpRequest) -> HttpResponse:
    """Show the form and open the pages; with `state`, take the answer that they came back with."""
    scope = scope_on(request)
    if request.method == "GET" and "state" in request.GET:
        return _come_back(request, scope)
    key = _publishable_key(scope)
    if key is None:
        messages.warning(request, NO_KEY)
        return HttpResponseRedirect(reverse(f"{scope.mode}:applications_apikey_changelist"))
    form = PlayForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _open(request, key, external_id=form.cleaned_data["user"])
    listed = reverse(f"{scope.mode}:{LIST}")
    crumbs: list[Crumb] = [
        (scope.application_name, reverse(f"{scope.mode}:index")),
        ("Authorizations", listed),
        ("Connect", ""),
    ]
    context = {"form": form, "intro": INTRO, "submit": "Open the consent pages", "cancel": listed}
    return render_page(request, "form.html", context, title="Connect a synthetic patient", crumbs=crumbs)


def _open(request: HttpRequest, key: ApiKey, *, external_id: str) -> HttpResponse:
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    request.session[SESSION_KEY] = {"state": state, "verifier": verifier}
    asked = AuthorizationRequest(
        application=key.application,
        mode=key.mode,
        flow=Consent.Flow.OAUTH,
        external_id=external_id,
        usage=Usage.MULTIPLE,
        scope="launch/patient offline_access",
        redirect_uri=_own_address(request),
        client_state=state,
        code_challenge=base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
    )
    return open_pages(request, Opening(asked, key, None))


def _come_back(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Exchange the code of the consent that this browser opened; anything else changes nothing."""
    listed = HttpResponseRedirect(reverse(f"{scope.mode}:{LIST}"))
    opened = request.session.pop(SESSION_KEY, None)
    key = _publishable_key(scope)
    if key is None or opened is None or opened["state"] != request.GET["state"]:
        messages.warning(request, NOT_FINISHED)
        return listed
    try:
        issued = exchange_code(
            code=request.GET.get("code", ""),
            redirect_uri=_own_address(request),
            code_verifier=opened["verifier"],
            client=key,
            by=actor_of(request),
            now=timezone.now(),
        )
    except InvalidGrant:  # refused by the patient or at the source, or too late
        messages.warning(request, NOT_FINISHED)
        return listed
    messages.success(request, CONNECTED)
    page = f"{scope.mode}:authorizations_patientauthorization_change"
    return HttpResponseRedirect(reverse(page, args=[issued.authorization.pk]))


def _publishable_key(scope: Scope) -> ApiKey | None:
    running = list_running_keys(scope.application_id, Mode(scope.mode), now=timezone.now())
    return next((key for key in running if key.kind == KeyKind.PUBLISHABLE), None)


def _own_address(request: HttpRequest) -> str:
    return f"{settings.PUBLIC_URL}{request.path}"
