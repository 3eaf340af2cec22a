"""Revoke and purge: only this floor sees authorizations, records and deliveries together (rulings A6, A7)."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from apps.audit.events import SYSTEM, Actor
from apps.audit.services import record_event
from apps.authorizations.models import PatientAuthorization, SourceToken
from apps.authorizations.services import move_authorization, revoke_tokens
from apps.authorizations.services.states import lock_authorization, place_of
from apps.authorizations.states import ACTIVE, AuthorizationState
from apps.destinations.services import cancel_deliveries, purge_spool, schedule_tombstones
from apps.records.services import purge_partition

from ..models import SyncJob
from ..states import UNFINISHED, SyncState

REVOKED, EXPUNGED = "revoked", "expunged"


def revoke_and_expunge(*, authorization: PatientAuthorization, by: Actor, now: dt.datetime) -> int:
    """End this person's authorizations at this endpoint for this application; return access tokens ended.

    Source: records-api seed, "revoke". Data, tokens and undelivered deliveries are gone when this returns.
    """
    same = PatientAuthorization.objects.filter(
        application=authorization.application_id,
        mode=authorization.mode,
        endpoint=authorization.endpoint_id,
        source_patient_id=authorization.source_patient_id,
        state__in=ACTIVE,
    )
    tokens = 0
    for each in same.order_by("created_at", "id"):
        tokens += _revoke_one(each, by=by, now=now)
    return tokens


@transaction.atomic
def _revoke_one(authorization: PatientAuthorization, *, by: Actor, now: dt.datetime) -> int:
    locked = lock_authorization(authorization)
    if locked.state not in ACTIVE:
        return 0
    move_authorization(locked, AuthorizationState.REVOKED, by=by, now=now, cause="revoked", next_refresh_at=None)
    tokens = revoke_tokens(consents=[locked.consent_id], now=now)
    _purge(locked, reason=REVOKED, by=by, now=now)
    return tokens


@transaction.atomic
def expunge(*, authorization: PatientAuthorization, by: Actor, now: dt.datetime) -> bool:
    """Delete an authorization's records with their history, here and, by tombstones, where they were delivered.

    The consent and its tokens stay; the source's token goes, so that nothing fetches the records again.
    Source: records-api seed, "$expunge". Returns whether there was something to delete.
    """
    locked = lock_authorization(authorization)
    if locked.purged_at is not None:
        return False
    _purge(locked, reason=EXPUNGED, by=by, now=now)
    return True


def purge_expired(*, now: dt.datetime, limit: int = 200) -> int:
    """Purge what has reached its end: ONE_TIME windows and refreshes that never came; return how many."""
    due = PatientAuthorization.objects.filter(purge_at__lte=now, purged_at__isnull=True).order_by("purge_at")
    purged = 0
    for authorization in due[:limit]:
        with transaction.atomic():
            locked = lock_authorization(authorization)
            if locked.purged_at is None and locked.purge_at is not None and locked.purge_at <= now:
                revoke_tokens(consents=[locked.consent_id], now=now)
                _purge(locked, reason="data_purged", by=SYSTEM, now=now)
                purged += 1
    return purged


def _purge(locked: PatientAuthorization, *, reason: str, by: Actor, now: dt.datetime) -> None:
    """Lines, staged pages, spool files and source tokens go in this transaction (rulings A7)."""
    tombstones = schedule_tombstones(authorization=locked, now=now) if reason in (REVOKED, EXPUNGED) else 0
    cancelled = cancel_deliveries(authorization=locked, reason=reason)
    for job in SyncJob.objects.select_for_update().filter(authorization=locked, state__in=UNFINISHED):
        SyncJob.objects.filter(pk=job.pk).update(
            state=SyncState.FAILED, error_code=reason, ended_at=now, lease_token=None, lease_until=None
        )
        job.pages.all().delete()
    versions = purge_partition(authorization_id=locked.pk)
    SourceToken.objects.filter(authorization=locked).delete()
    purge_spool(authorization=locked)
    locked.purged_at, locked.next_refresh_at = now, None
    locked.save(update_fields=["purged_at", "next_refresh_at"])
    record_event(
        action="authorization.purged",
        by=by,
        place=place_of(locked),
        target_type="patient_authorization",
        target_id=locked.pk,
        detail={"versions": versions, "deliveries_cancelled": cancelled, "tombstones": tombstones, "reason": reason},
    )
