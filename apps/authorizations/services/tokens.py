"""Our own tokens: issue access tokens, redeem refresh tokens, revoke."""

from __future__ import annotations

import datetime as dt
import json
import secrets
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from apps.applications.models import ApiKey, Application
from apps.audit.events import Actor, Place
from apps.audit.services import record_event
from apps.encryption.fields import keyring

from ..models import AccessToken, Consent, PatientAuthorization, RefreshToken, SigningKey
from ..states import ACTIVE, AuthorizationState, Usage
from ..tokens import new_signing_key, sign
from .states import lock_authorization, move_authorization

REFRESH_PURPOSE = "authorizations_refreshtoken.digest"
APPLICATION_TOKEN_SECONDS = 1800


class InvalidGrant(Exception):
    """A code, public token or refresh token that opens nothing.

    Shape: the text is one word: unknown, mode, used, reused, expired, ended, redirect_uri, code_verifier,
        code_verifier_form.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTokens:
    """Tokens for one consent, for the one response that carries them."""

    authorization: PatientAuthorization
    access_token: str
    expires_in: int
    refresh_token: str | None
    refresh_expires_in: int | None


@transaction.atomic
def issue_tokens(*, consent: Consent, by: Actor, now: dt.datetime) -> IssuedTokens:
    """First tokens of a consent: its authorizations become EXCHANGED. Raises: InvalidGrant if it ended."""
    authorization = _first_standing(consent, now)
    for each in _standing(consent):
        locked = lock_authorization(each)
        if locked.state == AuthorizationState.AUTHORIZED:
            # The data lasts as long as the tokens that are issued now say.
            seconds = settings.ONE_TIME_SECONDS if locked.usage == Usage.ONE_TIME else settings.REFRESH_TOKEN_SECONDS
            move_authorization(
                locked,
                AuthorizationState.EXCHANGED,
                by=by,
                now=now,
                cause="token exchanged",
                purge_at=now + dt.timedelta(seconds=seconds),
            )
    return _issue(consent, authorization, family=uuid.uuid4(), by=by, now=now)


def redeem_refresh_token(*, value: str, client: ApiKey, by: Actor, now: dt.datetime) -> IssuedTokens:
    """Rotate a refresh token. Raises: InvalidGrant; a token used twice ends its family (D11)."""
    try:
        return _rotate(value=value, client=client, by=by, now=now)
    except _ReusedToken as reused:
        _end_family(reused.token, by, now)  # stands although the request is refused
        raise InvalidGrant("reused") from None


@transaction.atomic
def _rotate(*, value: str, client: ApiKey, by: Actor, now: dt.datetime) -> IssuedTokens:
    digests = [digest for _, digest in keyring().digests(value, purpose=REFRESH_PURPOSE)]
    tokens = RefreshToken.objects.select_related("consent__application", "consent__end_user")
    found = tokens.filter(digest__in=digests).first()
    if found is None or found.consent.application_id != client.application_id:
        raise InvalidGrant("unknown")
    if found.consent.mode != client.mode:
        raise InvalidGrant("mode")
    # Consent, authorizations, token: every writer locks in this order, so that none waits in a circle, and
    # whoever ends the family waits for the token that is issued here.
    _lock_consent(found.consent_id)
    standing = [lock_authorization(each) for each in _standing(found.consent)]
    found = tokens.select_for_update(of=("self",)).get(pk=found.pk)
    if found.used_at is not None:
        raise _ReusedToken(found)
    if found.revoked_at is not None or found.expires_at <= now:
        raise InvalidGrant("expired")
    standing = [each for each in standing if each.is_active(now)]
    if not standing:
        raise InvalidGrant("ended")
    found.used_at = now
    found.save(update_fields=["used_at"])
    purge_at = now + dt.timedelta(seconds=settings.REFRESH_TOKEN_SECONDS)
    for locked in standing:
        if locked.state == AuthorizationState.EXCHANGED:
            move_authorization(
                locked, AuthorizationState.REFRESHED, by=by, now=now, cause="token refreshed", purge_at=purge_at
            )
        else:
            locked.purge_at = purge_at
            locked.save(update_fields=["purge_at"])
    return _issue(found.consent, standing[0], family=found.family, by=by, now=now)


@transaction.atomic
def issue_application_token(*, client: ApiKey, by: Actor, now: dt.datetime) -> tuple[str, int]:
    """A token without a patient (client_credentials); the caller has refused test keys."""
    issued = AccessToken.objects.create(
        application=client.application,
        mode=client.mode,
        issued_at=now,
        expires_at=now + dt.timedelta(seconds=APPLICATION_TOKEN_SECONDS),
    )
    _record("token.issued", client.application, client.mode, by, {"grant": "client_credentials"})
    return _jwt(issued, subject=str(client.application_id), patient=""), APPLICATION_TOKEN_SECONDS


def revoke_tokens(*, consents: list[uuid.UUID], now: dt.datetime) -> int:
    """End every token of these consents; return how many access tokens ran."""
    RefreshToken.objects.filter(consent__in=consents, revoked_at__isnull=True).update(revoked_at=now)
    running = AccessToken.objects.filter(consent__in=consents, revoked_at__isnull=True, expires_at__gt=now)
    return running.update(revoked_at=now)


@transaction.atomic
def end_reused_code(*, consent: Consent, by: Actor, now: dt.datetime) -> None:
    """End what a code issued that somebody used again. Source: RFC 6749 4.1.2."""
    _lock_consent(consent.pk)
    revoke_tokens(consents=[consent.pk], now=now)
    _record("code.reused", consent.application, consent.mode, by, {"consent": str(consent.pk)})


@transaction.atomic
def rotate_signing_key(*, now: dt.datetime) -> SigningKey:
    """Make the key that signs from now on; older ones stay published so that running tokens verify."""
    kid, private, public = new_signing_key()
    SigningKey.objects.filter(retired_at__isnull=True).update(retired_at=now)
    return SigningKey.objects.create(kid=kid, private_jwk=json.dumps(private), public_jwk=public)


class _ReusedToken(Exception):
    def __init__(self, token: RefreshToken) -> None:
        super().__init__("reused")
        self.token = token


@transaction.atomic
def _end_family(token: RefreshToken, by: Actor, now: dt.datetime) -> None:
    _lock_consent(token.consent_id)
    RefreshToken.objects.filter(family=token.family, revoked_at__isnull=True).update(revoked_at=now)
    AccessToken.objects.filter(consent=token.consent_id, revoked_at__isnull=True).update(revoked_at=now)
    consent = token.consent
    _record("token.reused", consent.application, consent.mode, by, {"family": str(token.family)})


def _lock_consent(consent_id: uuid.UUID) -> None:
    Consent.objects.select_for_update(no_key=True).get(pk=consent_id)


def _standing(consent: Consent) -> list[PatientAuthorization]:
    return list(
        PatientAuthorization.objects.filter(consent=consent, state__in=ACTIVE)
        .select_related("endpoint", "application", "consent__end_user")
        .order_by("created_at", "id")
    )


def _first_standing(consent: Consent, now: dt.datetime) -> PatientAuthorization:
    for authorization in _standing(consent):
        if authorization.is_active(now):
            return authorization
    raise InvalidGrant("ended")


def _issue(
    consent: Consent, authorization: PatientAuthorization, *, family: uuid.UUID, by: Actor, now: dt.datetime
) -> IssuedTokens:
    expires_at = now + dt.timedelta(seconds=settings.ACCESS_TOKEN_SECONDS)
    access = AccessToken.objects.create(
        application=consent.application, mode=consent.mode, consent=consent, issued_at=now, expires_at=expires_at
    )
    refresh_token = None
    if authorization.usage == Usage.MULTIPLE:
        refresh_token = secrets.token_urlsafe(48)
        key_id, digest = keyring().digest(refresh_token, purpose=REFRESH_PURPOSE)
        RefreshToken.objects.create(
            consent=consent,
            family=family,
            key_id=key_id,
            digest=digest,
            issued_at=now,
            expires_at=now + dt.timedelta(seconds=settings.REFRESH_TOKEN_SECONDS),
        )
    _record("token.issued", consent.application, consent.mode, by, {"consent": str(consent.pk)})
    return IssuedTokens(
        authorization=authorization,
        access_token=_jwt(access, subject=str(consent.pk), patient=f"Patient/{authorization.destination_patient_id}"),
        expires_in=settings.ACCESS_TOKEN_SECONDS,
        refresh_token=refresh_token,
        refresh_expires_in=settings.REFRESH_TOKEN_SECONDS if refresh_token else settings.ACCESS_TOKEN_SECONDS,
    )


def _jwt(token: AccessToken, *, subject: str, patient: str) -> str:
    key = SigningKey.objects.filter(retired_at__isnull=True).order_by("-created_at").first()
    if key is None:
        key = rotate_signing_key(now=token.issued_at)
    claims = {
        "iss": settings.PUBLIC_URL,
        "aud": settings.PUBLIC_URL,
        "jti": str(token.jti),
        "sub": subject,
        "client_id": str(token.application_id),
        "iat": int(token.issued_at.timestamp()),
        "exp": int(token.expires_at.timestamp()),
    }
    if patient:
        claims["patient"] = patient
    return sign(claims, kid=key.kid, private_jwk=json.loads(key.private_jwk.reveal()))


def _record(action: str, application: Application, mode: str, by: Actor, detail: dict[str, object]) -> None:
    record_event(
        action=action,
        by=by,
        place=Place(workspace_id=str(application.workspace_id), application_id=str(application.pk), mode=mode),
        target_type="application",
        target_id=application.pk,
        detail=detail,
    )
