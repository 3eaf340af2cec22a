"""Exchange a code or public token, or refresh: the tokens, and the sync that follows, in one service call."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from apps.applications.models import ApiKey
from apps.audit.events import Actor
from apps.authorizations import services as authorizations
from apps.authorizations.models import OneTimeToken
from apps.authorizations.services import CodeReused, InvalidGrant, IssuedTokens

from ..states import SyncCause
from .requesting import NotActive, request_sync


def exchange_code(
    *, code: str, redirect_uri: str, code_verifier: str, client: ApiKey, by: Actor, now: dt.datetime
) -> IssuedTokens:
    """Raises: InvalidGrant; a code used twice ends what it issued (RFC 6749 4.1.2)."""
    try:
        return _exchange_code(
            code=code, redirect_uri=redirect_uri, code_verifier=code_verifier, client=client, by=by, now=now
        )
    except CodeReused as reused:
        authorizations.end_reused_code(consent=reused.consent, by=by, now=now)  # stands although it is refused
        raise


@transaction.atomic
def _exchange_code(
    *, code: str, redirect_uri: str, code_verifier: str, client: ApiKey, by: Actor, now: dt.datetime
) -> IssuedTokens:
    consent = authorizations.redeem_one_time_token(
        value=code,
        kind=OneTimeToken.Kind.CODE,
        application=client.application,
        mode=client.mode,
        redirect_uri=redirect_uri,
        code_verifier=code_verifier,
        now=now,
    )
    return _synced(authorizations.issue_tokens(consent=consent, by=by, now=now), SyncCause.FIRST, by, now)


@transaction.atomic
def exchange_public_token(*, public_token: str, client: ApiKey, by: Actor, now: dt.datetime) -> IssuedTokens:
    """Raises: InvalidGrant."""
    consent = authorizations.redeem_one_time_token(
        value=public_token,
        kind=OneTimeToken.Kind.PUBLIC_TOKEN,
        application=client.application,
        mode=client.mode,
        now=now,
    )
    return _synced(authorizations.issue_tokens(consent=consent, by=by, now=now), SyncCause.FIRST, by, now)


def refresh_access(*, refresh_token: str, client: ApiKey, by: Actor, now: dt.datetime) -> IssuedTokens:
    """Rotate the tokens and ask for a new sync. Raises: InvalidGrant."""
    issued = authorizations.redeem_refresh_token(value=refresh_token, client=client, by=by, now=now)
    return _synced(issued, SyncCause.REFRESH, by, now)


def _synced(issued: IssuedTokens, cause: SyncCause, by: Actor, now: dt.datetime) -> IssuedTokens:
    try:
        request_sync(authorization=issued.authorization, cause=cause, by=by, now=now)
    except NotActive:  # it was ended in this very moment
        raise InvalidGrant("ended") from None
    return issued
