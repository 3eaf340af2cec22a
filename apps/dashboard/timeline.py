"""What happened to one authorization, from everywhere, in one order; and what is true of its data now.

Reads five subjects and writes none. Names tokens by id only: their values were never kept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.audit.models import AuditEvent
from apps.authorizations.models import (
    AccessToken,
    AuthorizationEvent,
    PatientAuthorization,
    RefreshToken,
    SourceToken,
)
from apps.authorizations.states import ACTIVE, AuthorizationState
from apps.destinations.models import Delivery
from apps.destinations.states import DeliveryState
from apps.syncs.admin.job_words import CAUSES
from apps.syncs.models import SyncJob
from apps.syncs.states import SyncCause, SyncState

S = AuthorizationState
MAIN = (S.CREATED, S.AUTHORIZING, S.AUTHORIZED, S.EXCHANGED, S.REFRESHED)
ENDS = (S.ERRORED, S.BOUNCED, S.ABANDONED, S.REVOKED)
NEWEST = 20  # of syncs, deliveries and tokens each

# What a state means to the developer, in one sentence.
MEANINGS: dict[str, str] = {
    S.CREATED: "The patient chose this source.",
    S.AUTHORIZING: "The patient agreed and left for the source's sign-in.",
    S.AUTHORIZED: "The patient signed in; we may fetch.",
    S.EXCHANGED: "Your application exchanged the code or public token.",
    S.REFRESHED: "Your application used a refresh token.",
    S.ERRORED: "The sign-in at the source failed.",
    S.BOUNCED: "The patient or the source said no.",
    S.ABANDONED: "The patient did not finish in time.",
    S.REVOKED: "Access was withdrawn.",
}
# For those that ended without data: what the patient saw, what to do.
ADVICE: dict[str, tuple[str, str]] = {
    S.ERRORED: (
        "The patient saw a page that says the sign-in could not be completed and that nothing was shared.",
        "If the error is the source's, let the patient try again later; if it comes back, tell support.",
    ),
    S.BOUNCED: (
        "The patient said no on our pages or at the source; your redirect URI got error=access_denied.",
        "A no is an answer. If they did not mean it, a new link starts afresh.",
    ),
    S.ABANDONED: (
        "The patient closed the pages or waited too long; nothing was shared.",
        "Nothing is broken. A new link starts afresh.",
    ),
}


@dataclass(frozen=True, slots=True)
class StateLine:
    """One of the nine states. `happened` is "yes", "skipped" (a later one came without it) or "no"."""

    state: str
    meaning: str
    happened: str
    at: dt.datetime | None
    cause: str

    @property
    def told(self) -> str:
        """Return why it happened, or else what the state means."""
        if self.state in ENDS and self.cause:
            return f"{self.meaning} Cause: {self.cause}."
        return f"{_sentence(self.cause)}." if self.cause else self.meaning


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the history. Shape of `page`: a name of the portal's site, with `pk`; "" without a page."""

    at: dt.datetime
    words: str
    state: str = ""
    more: str = ""
    page: str = ""
    pk: object = None


@dataclass(frozen=True, slots=True)
class Life:
    """Everything that the page of an authorization tells."""

    states: list[StateLine]
    ends_not_reached: list[str]
    history: list[Happening]
    jobs: Sequence[SyncJob]
    deliveries: Sequence[Delivery]
    access_tokens: Sequence[AccessToken]
    refresh_tokens: Sequence[RefreshToken]
    source_token: SourceToken | None
    purge: AuditEvent | None
    siblings: Sequence[PatientAuthorization]

    @property
    def cancelled(self) -> int:
        """Return how many waiting deliveries the deletion cancelled."""
        count = self.purge.detail.get("deliveries_cancelled") if self.purge else 0
        return count if isinstance(count, int) else 0

    @property
    def total(self) -> int:
        return sum(count for _, count in self.counts)

    @property
    def counts(self) -> list[tuple[str, int]]:
        """Return what is stored now by resource type: what the last completed sync left visible."""
        completed = (job for job in self.jobs if job.state == SyncState.COMPLETED)
        latest = max(completed, key=lambda job: job.seq, default=None)
        return sorted(latest.resource_counts.items()) if latest else []


def tell(authorization: PatientAuthorization) -> Life:
    """Gather the life of an authorization that came with its consent."""
    events = list(authorization.events.order_by("at", "pk"))
    jobs = list(authorization.sync_jobs.order_by("-created_at", "id")[:NEWEST])
    deliveries = list(authorization.deliveries.select_related("destination").order_by("-created_at", "id")[:NEWEST])
    consent = authorization.consent_id
    refresh_tokens = list(RefreshToken.objects.filter(consent=consent).order_by("-issued_at", "-pk")[:NEWEST])
    source_token = None if authorization.purged_at else _find_source_token(authorization)
    purge = _find_purge(authorization)
    siblings = PatientAuthorization.objects.filter(consent=consent).exclude(pk=authorization.pk)
    lines = [_line(state, events) for state in (*MAIN, *ENDS)]
    history = [
        *_consent(authorization),
        *(_step(event) for event in events),
        *(each for job in jobs for each in _sync(job)),
        *(_delivery(delivery) for delivery in deliveries),
        *(each for token in refresh_tokens for each in _refreshes(token)),
        *_source(source_token),
        *_purged(purge, authorization),
    ]
    return Life(
        states=[line for line in lines if line.state in MAIN or line.happened == "yes"],
        ends_not_reached=[line.state for line in lines if line.state in ENDS and line.happened != "yes"],
        history=sorted(history, key=lambda each: each.at)[::-1],  # of one instant, the later kind is above
        jobs=jobs,
        deliveries=deliveries,
        access_tokens=list(AccessToken.objects.filter(consent=consent).order_by("-issued_at", "pk")[:NEWEST]),
        refresh_tokens=refresh_tokens,
        source_token=source_token,
        purge=purge,
        siblings=list(siblings.select_related("endpoint").order_by("created_at", "id")[:NEWEST]),
    )


def list_revoked_with(authorization: PatientAuthorization) -> list[PatientAuthorization]:
    """Return the running authorizations that end when this one is revoked, itself included.

    Source: records-api seed, "revoke": all of this person at this source for this application.
    """
    same = PatientAuthorization.objects.filter(
        application=authorization.application_id,
        mode=authorization.mode,
        endpoint=authorization.endpoint_id,
        source_patient_id=authorization.source_patient_id,
        state__in=ACTIVE,
    )
    return list(same.select_related("consent__end_user").order_by("created_at", "id"))


def _sentence(text: str) -> str:
    """Begin with a capital, and leave the rest as it is written."""
    return text[:1].upper() + text[1:]


def _line(state: S, events: Sequence[AuthorizationEvent]) -> StateLine:
    found = next((event for event in events if event.state == state), None)
    if found is not None:
        return StateLine(state, MEANINGS[state], "yes", found.at, found.cause)
    reached = {event.state for event in events}
    later = state in MAIN and any(each in reached for each in MAIN[MAIN.index(state) + 1 :])
    return StateLine(state, MEANINGS[state], "skipped" if later else "no", None, "")


def _consent(authorization: PatientAuthorization) -> Iterator[Happening]:
    consent = authorization.consent
    yield Happening(consent.created_at, "Consent pages opened")
    if consent.agreed_at:
        text = f"Text {consent.text}" if consent.text else ""
        yield Happening(consent.agreed_at, "Patient agreed", more=text)
    if consent.refused_at:
        yield Happening(consent.refused_at, "Patient said no", more="Nothing was shared.")


def _step(event: AuthorizationEvent) -> Happening:
    return Happening(event.at, _sentence(event.cause) or MEANINGS[event.state], state=event.state)


def _sync(job: SyncJob) -> Iterator[Happening]:
    page, pk = "syncs_syncjob_change", job.pk
    yield Happening(job.created_at, f"Sync {job.seq} asked for", more=CAUSES[SyncCause(job.cause)], page=page, pk=pk)
    if job.ended_at is None:
        return
    if job.state == SyncState.COMPLETED:
        gaps = f", {len(job.gaps)} gap{'s' * (len(job.gaps) != 1)}" if job.gaps else ""
        more = f"{sum(job.resource_counts.values()):,} resources visible{gaps}"
    else:
        more = job.error_code
    yield Happening(job.ended_at, f"Sync {job.seq}", state=job.state, more=more, page=page, pk=pk)


def _delivery(delivery: Delivery) -> Happening:
    delivered = delivery.state == DeliveryState.DELIVERED and delivery.delivered_at
    return Happening(
        delivery.delivered_at if delivered and delivery.delivered_at else delivery.created_at,
        f"Delivery to {delivery.destination.name}",
        state=delivery.state,
        more=delivery.object_key.rpartition("/")[2] if delivered else delivery.error_code or delivery.reason,
        page="destinations_delivery_change",
        pk=delivery.pk,
    )


def _refreshes(token: RefreshToken) -> Iterator[Happening]:
    if token.used_at:
        yield Happening(token.used_at, "Your application refreshed its token", more=f"Family {token.family}")
    if token.revoked_at and not token.used_at:
        yield Happening(token.revoked_at, "Refresh token ended", more=f"Family {token.family}")


def _source(token: SourceToken | None) -> Iterator[Happening]:
    if token is not None and token.refreshed_at:
        yield Happening(token.refreshed_at, "We renewed our access at the source", more="The latest of these")


def _find_source_token(authorization: PatientAuthorization) -> SourceToken | None:
    rows = SourceToken.objects.filter(authorization=authorization)
    return rows.defer("access_token", "refresh_token").first()


def _find_purge(authorization: PatientAuthorization) -> AuditEvent | None:
    if authorization.purged_at is None:
        return None
    events = AuditEvent.objects.filter(target_id=str(authorization.pk), action="authorization.purged")
    return events.filter(application_id=str(authorization.application_id)).order_by("-id").first()


def _purged(purge: AuditEvent | None, authorization: PatientAuthorization) -> Iterator[Happening]:
    if authorization.purged_at is None:
        return
    versions = purge.detail.get("versions") if purge else None
    more = f"{versions:,} version{'s' * (versions != 1)} of records" if isinstance(versions, int) else ""
    yield Happening(authorization.purged_at, "Data deleted here", state="DELETED", more=more)
