"""The patient's place in the pages: a signed, short-lived token in the URL, never a cookie (rulings A1).

The browser that opened the pages also holds a cookie with the consent's id; the way back from the source is taken
only by that browser, so nobody can be led to share records into a stranger's request.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from apps.authorizations.models import Consent

SALT = "consent-ticket"
COOKIE = "consent"


def ticket_for(consent: Consent) -> str:
    return signing.dumps(str(consent.pk), salt=SALT)


def find_consent(ticket: str) -> Consent | None:
    """Return the consent of a ticket, or None if it is forged, too old or gone."""
    try:
        pk = signing.loads(ticket, salt=SALT, max_age=settings.CONSENT_SESSION_SECONDS)
    except signing.BadSignature:
        return None
    return Consent.objects.select_related("application", "end_user").filter(pk=UUID(pk)).first()


def bind(response: HttpResponse, consent: Consent) -> None:
    response.set_signed_cookie(
        COOKIE,
        str(consent.pk),
        salt=SALT,
        max_age=settings.CONSENT_SESSION_SECONDS,
        path="/link/",
        httponly=True,
        samesite="Lax",
        secure=settings.HTTPS,
    )


def is_bound(request: HttpRequest, consent: Consent) -> bool:
    return request.get_signed_cookie(COOKIE, "", salt=SALT) == str(consent.pk)
