"""Keep the source's access token fresh: one refresh at a time, the new token committed before it is used."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q

from apps.outbound.failures import SourceError

from .. import smart
from ..models import PatientAuthorization, SourceToken

EARLY = dt.timedelta(seconds=60)
LEASE = dt.timedelta(seconds=60)


class ReauthorizationNeeded(Exception):
    """The source has ended the grant: only the patient can renew it."""

    def __init__(self) -> None:
        super().__init__("The source has ended the patient's sign-in. The patient needs to re-authorize.")


def fresh_access_token(*, authorization: PatientAuthorization, now: dt.datetime, rejected: str = "") -> str:
    """Return an access token good for at least a minute; `rejected` names one that the source just refused.

    Raises: ReauthorizationNeeded; SourceError when the source cannot be asked now.
    """
    kept = SourceToken.objects.get(authorization=authorization)
    current = kept.access_token.reveal()
    if kept.expires_at > now + EARLY and current != rejected:
        return current
    if kept.refresh_token is None:
        if kept.expires_at > now and current != rejected:
            return current
        raise ReauthorizationNeeded
    free = Q(refreshing_until__isnull=True) | Q(refreshing_until__lt=now)
    if not SourceToken.objects.filter(free, pk=kept.pk).update(refreshing_until=now + LEASE):
        raise SourceError(
            "Somebody else is refreshing this token.",
            code="refresh-in-progress",
            permanent=False,
            status=None,
            retry_after_seconds=2.0,
            outcome=None,
        )
    try:
        return _refresh(authorization, now)
    finally:
        SourceToken.objects.filter(pk=kept.pk).update(refreshing_until=None)


def _refresh(authorization: PatientAuthorization, now: dt.datetime) -> str:
    kept = SourceToken.objects.get(authorization=authorization)
    if kept.refresh_token is None:
        raise ReauthorizationNeeded
    try:
        grant = smart.redeem_refresh(
            authorization.endpoint, token_url=kept.token_url, refresh_token=kept.refresh_token.reveal()
        )
    except SourceError as failure:
        if failure.permanent:
            raise ReauthorizationNeeded from None
        raise
    kept.access_token = grant.access_token
    kept.refresh_token = grant.refresh_token or kept.refresh_token
    kept.expires_at, kept.refreshed_at = smart.expiry(now, grant.expires_in), now
    kept.save(update_fields=["access_token", "refresh_token", "expires_at", "refreshed_at"])
    return grant.access_token
