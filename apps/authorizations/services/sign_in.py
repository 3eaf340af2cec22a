"""The patient's way to the source and back. No network call inside a transaction (D8)."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.audit.events import Actor
from apps.encryption.fields import keyring
from apps.outbound.failures import SourceError
from apps.transforms.identifiers import destination_patient_id

from .. import smart
from ..models import Consent, OneTimeToken, PatientAuthorization, SourceSignIn, SourceToken
from ..states import AuthorizationState, Usage
from .states import lock_authorization, move_authorization

TOKEN_PURPOSE = "authorizations_onetimetoken.digest"  # noqa: S105


class SignInRefused(Exception):
    """The way back from the source is not one that we opened, or the source failed."""


class SignInClosed(SignInRefused):
    """This sign-in was used, refused or replaced, or its time is over."""

    def __init__(self) -> None:
        super().__init__("This sign-in is over, and shared nothing more. Go back to the application and start again.")


def callback_uri() -> str:
    return f"{settings.PUBLIC_URL}/link/callback"


def start_sign_in(*, authorization: PatientAuthorization, by: Actor, now: dt.datetime) -> str:
    """Return the source's sign-in URL for this patient.

    Raises: SignInRefused when the source cannot be asked; SignInClosed when the authorization is past signing in.
    """
    endpoint = authorization.endpoint
    try:
        authorize, token_url = smart.discover(endpoint)
    except SourceError as failure:
        _fail(authorization, failure, by=by, now=now)
        raise SignInRefused("The source does not answer. Nothing was shared; try again later.") from None
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    with transaction.atomic():
        locked = lock_authorization(authorization)
        if not locked.is_unfinished:
            raise SignInClosed
        SourceSignIn.objects.update_or_create(
            authorization=locked,
            defaults={
                "state_digest": _digest(state),
                "code_verifier": verifier,
                "token_url": token_url,
                "expires_at": locked.consent.expires_at,
                "used_at": None,
            },
        )
        if locked.state != AuthorizationState.AUTHORIZING:
            move_authorization(locked, AuthorizationState.AUTHORIZING, by=by, now=now, cause="sent to the source")
    return smart.authorize_url(
        endpoint, authorize=authorize, state=state, verifier=verifier, redirect_uri=callback_uri()
    )


def complete_sign_in(*, state: str, code: str, by: Actor, now: dt.datetime) -> tuple[PatientAuthorization, str]:
    """Redeem the source's code; return the AUTHORIZED authorization and the one-time token for the application.

    Raises: SignInRefused.
    """
    sign_in = _take_sign_in(state, now)
    authorization = sign_in.authorization
    try:
        grant = smart.redeem_code(
            authorization.endpoint,
            token_url=sign_in.token_url,
            code=code,
            verifier=sign_in.code_verifier.reveal(),
            redirect_uri=callback_uri(),
        )
    except SourceError as failure:
        _fail(authorization, failure, by=by, now=now)
        raise SignInRefused("The source did not complete the sign-in. Nothing was shared.") from None
    if not grant.patient_id:
        nobody = SourceError(
            "The source named no patient.",
            code="no-patient",
            permanent=True,
            status=200,
            retry_after_seconds=None,
            outcome=None,
        )
        _fail(authorization, nobody, by=by, now=now)
        raise SignInRefused("The source did not say whose records these are. Nothing was shared.")
    with transaction.atomic():
        locked = _lock_signing_in(authorization)
        SourceToken.objects.create(
            authorization=locked,
            access_token=grant.access_token,
            refresh_token=grant.refresh_token,
            token_url=sign_in.token_url,
            expires_at=smart.expiry(now, grant.expires_in),
        )
        one_time = locked.usage == Usage.ONE_TIME or grant.refresh_token is None
        move_authorization(
            locked,
            AuthorizationState.AUTHORIZED,
            by=by,
            now=now,
            cause="signed in at the source",
            usage=Usage.ONE_TIME if one_time else Usage.MULTIPLE,
            source_patient_id=grant.patient_id,
            destination_patient_id=destination_patient_id(
                namespace=UUID(settings.ID_NAMESPACE),
                application_id=str(locked.application_id),
                mode=locked.mode,
                endpoint_id=str(locked.endpoint_id),
                source_patient_id=grant.patient_id,
            ),
            purge_at=now
            + dt.timedelta(seconds=settings.ONE_TIME_SECONDS if one_time else settings.REFRESH_TOKEN_SECONDS),
        )
        return locked, _issue_one_time_token(locked.consent, now)


def bounce_sign_in(*, state: str, by: Actor, now: dt.datetime) -> PatientAuthorization:
    """The source sent the patient back with an error. Raises: SignInRefused."""
    sign_in = _take_sign_in(state, now)
    with transaction.atomic():
        locked = _lock_signing_in(sign_in.authorization)
        move_authorization(locked, AuthorizationState.BOUNCED, by=by, now=now, cause="refused at the source")
    return locked


def find_sign_in(state: str) -> SourceSignIn | None:
    return (
        SourceSignIn.objects.filter(state_digest=_digest(state))
        .select_related("authorization__endpoint", "authorization__consent", "authorization__application")
        .first()
    )


def _take_sign_in(state: str, now: dt.datetime) -> SourceSignIn:
    sign_in = find_sign_in(state)
    taken = sign_in is not None and SourceSignIn.objects.filter(
        pk=sign_in.pk,
        state_digest=_digest(state),
        used_at__isnull=True,
        expires_at__gt=now,
        authorization__state=AuthorizationState.AUTHORIZING,
    ).update(used_at=now)
    if sign_in is None or not taken:
        raise SignInClosed
    return sign_in


def _lock_signing_in(authorization: PatientAuthorization) -> PatientAuthorization:
    """Raises: SignInClosed when somebody refused or replaced it while we asked the source."""
    locked = lock_authorization(authorization)
    if locked.state != AuthorizationState.AUTHORIZING:
        raise SignInClosed
    return locked


def _fail(authorization: PatientAuthorization, failure: SourceError, *, by: Actor, now: dt.datetime) -> None:
    with transaction.atomic():
        locked = lock_authorization(authorization)
        if not locked.is_unfinished:
            return
        move_authorization(
            locked,
            AuthorizationState.ERRORED,
            by=by,
            now=now,
            cause=failure.code,
            error_code=failure.code,
            error_message=str(failure),
        )


def new_one_time_token(kind: OneTimeToken.Kind) -> tuple[str, str, bytes]:
    """Return the text of a new token, and what is kept of it: the key's id and the digest."""
    is_public_token = kind == OneTimeToken.Kind.PUBLIC_TOKEN
    value = f"public_token_{_uuid4()}" if is_public_token else secrets.token_urlsafe(32)
    return value, *keyring().digest(value, purpose=TOKEN_PURPOSE)


def _issue_one_time_token(consent: Consent, now: dt.datetime) -> str:
    link = consent.flow == Consent.Flow.LINK
    kind = OneTimeToken.Kind.PUBLIC_TOKEN if link else OneTimeToken.Kind.CODE
    value, key_id, digest = new_one_time_token(kind)
    seconds = settings.PUBLIC_TOKEN_SECONDS if link else settings.CODE_SECONDS
    OneTimeToken.objects.create(
        consent=consent,
        kind=kind,
        key_id=key_id,
        digest=digest,
        expires_at=now + dt.timedelta(seconds=seconds),
    )
    return value


def _uuid4() -> UUID:
    return UUID(bytes=secrets.token_bytes(16), version=4)


def _digest(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()
