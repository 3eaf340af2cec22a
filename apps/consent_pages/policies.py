"""The two variants of the content policy for patients (D12, rulings A1).

Consent pages: forms may also lead to this request's own application and source. Widget pages: the same, in a frame on
the application's allowed origins and nowhere else; they have no cookie, so the browser's own word says where they are.
"""

from __future__ import annotations

import re

from django.http import HttpRequest

from apps.applications.models import AllowedOrigin
from apps.authorizations import smart
from apps.authorizations.models import Consent, PatientAuthorization
from apps.outbound.failures import SourceError

# What may stand in a policy: nothing that could end its directive and begin another.
ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?(?=[/?#]|$)", re.IGNORECASE)


def content_policy(origins: list[str], *, ancestors: list[str]) -> str:
    """Return the header's value; `origins` are where forms may lead beside ourselves, `ancestors` who may frame it."""
    targets = " ".join(["'self'", *dict.fromkeys(origins)])
    framed = f"connect-src 'self'; frame-ancestors {' '.join(ancestors)}" if ancestors else "frame-ancestors 'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"form-action {targets}; {framed}; base-uri 'none'"
    )


def frame_ancestors(consent: Consent) -> list[str]:
    """Return the origins that may hold this consent's pages: none, unless the widget opened it."""
    if not consent.opener_origin:
        return []
    kept = AllowedOrigin.objects.filter(application=consent.application_id, mode=consent.mode)
    return list(kept.order_by("origin").values_list("origin", flat=True))


def is_outside_its_frame(request: HttpRequest, consent: Consent) -> bool:
    """Whether a browser shows a page of the widget outside of a frame, or sends its forms from elsewhere.

    The token goes to whoever holds the frame. A link to one of its pages, sent to somebody else, must therefore not be
    a way to share their records with the sender. Browsers that do not say where they are (Fetch Metadata) are believed.
    """
    if not consent.opener_origin:
        return False
    if request.method == "POST":
        return request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin"
    return request.headers.get("Sec-Fetch-Dest", "iframe") != "iframe"


def source_origins(authorization: PatientAuthorization) -> list[str]:
    """Return where the source's sign-in lives, so that the browser lets the form lead there."""
    try:
        authorize_url, _ = smart.discover(authorization.endpoint)
    except SourceError:
        return []
    return origins_of(authorize_url)


def origins_of(url: str) -> list[str]:
    found = ORIGIN.match(url)
    return [found[0]] if found else []
