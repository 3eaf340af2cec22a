"""Redeem what ends a consent at the application: an authorization code or a public token, once."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import re

from django.db import transaction

from apps.applications.models import Application
from apps.encryption.fields import keyring

from ..models import Consent, OneTimeToken
from ..states import AuthorizationState
from .consents import ConsentClosed
from .sign_in import TOKEN_PURPOSE, new_one_time_token
from .tokens import InvalidGrant

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 4.1


class CodeReused(InvalidGrant):
    """A code was used again by somebody who has its verifier."""

    def __init__(self, consent: Consent) -> None:
        super().__init__("used")
        self.consent = consent


@transaction.atomic
def redeem_one_time_token(
    *,
    value: str,
    kind: OneTimeToken.Kind,
    application: Application,
    mode: str,
    now: dt.datetime,
    redirect_uri: str = "",
    code_verifier: str = "",
) -> Consent:
    """Use a code or public token up; return its consent.

    Raises: InvalidGrant; a token of another application or mode is not used up by that. CodeReused from a client
    that also has the verifier: whoever holds the transaction ends what the code issued (`end_reused_code`).
    """
    digests = [digest for _, digest in keyring().digests(value, purpose=TOKEN_PURPOSE)]
    found = (
        OneTimeToken.objects.select_for_update(of=("self",))
        .select_related("consent__application", "consent__end_user")
        .filter(digest__in=digests, kind=kind)
        .first()
    )
    if found is None or found.consent.application_id != application.pk:
        raise InvalidGrant("unknown")
    if found.consent.mode != mode:
        raise InvalidGrant("mode")
    consent = found.consent
    is_code = kind == OneTimeToken.Kind.CODE
    wrong = _wrong_part(consent, redirect_uri, code_verifier) if is_code else ""
    if found.used_at is not None:
        # Without the verifier a code is worth nothing, so its sight must not be enough to end what it issued.
        raise CodeReused(consent) if is_code and not wrong else InvalidGrant("used")
    if found.expires_at <= now:
        raise InvalidGrant("expired")
    if wrong:
        raise InvalidGrant(wrong)
    found.used_at = now
    found.save(update_fields=["used_at"])
    return consent


@transaction.atomic
def renew_public_token(*, consent: Consent, now: dt.datetime) -> str:
    """Return the public token of a patient who has signed in, for the frame; an earlier text of it opens nothing more.

    Only the digest of a token is kept, and the tab that came back from the source has no way to the frame.
    Raises: ConsentClosed once it was used, has expired, or the consent has ended.
    """
    kept = (
        OneTimeToken.objects.select_for_update()
        .filter(consent=consent, kind=OneTimeToken.Kind.PUBLIC_TOKEN, used_at__isnull=True, expires_at__gt=now)
        .first()
    )
    if kept is None or not consent.authorizations.filter(state=AuthorizationState.AUTHORIZED).exists():
        raise ConsentClosed
    value, kept.key_id, kept.digest = new_one_time_token(OneTimeToken.Kind.PUBLIC_TOKEN)
    kept.save(update_fields=["key_id", "digest"])
    return value


def _wrong_part(consent: Consent, redirect_uri: str, code_verifier: str) -> str:
    """Return the word for what does not fit the request that opened the consent, or "" (RFC 7636 4.6)."""
    if redirect_uri != consent.redirect_uri:
        return "redirect_uri"
    if not VERIFIER.fullmatch(code_verifier):
        return "code_verifier_form"
    hashed = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
    return "" if hmac.compare_digest(hashed, consent.code_challenge) else "code_verifier"
