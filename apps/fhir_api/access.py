"""Who asks, for which patient, and which partitions that opens. Every reading is audited.

Owns the token, the allowance and the wildcard; refuses to answer: views do. Source: records-api seed, "Errors".
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from apps.applications.services import count_request
from apps.audit.events import ActorKind, Place
from apps.audit.request_facts import actor_behind
from apps.audit.services import Shown, record_reading
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.selectors import PatientAccess, find_patient_access
from apps.authorizations.tokens import InvalidToken
from apps.fhir.outcomes import FhirError, as_outcome
from apps.fhir.search.extracting import EXTRACTOR_VERSION
from apps.fhir.search.request import WILDCARD
from apps.records.selectors import Kept, View, find_partitions, find_view
from apps.syncs.selectors import find_latest_job
from apps.syncs.states import UNFINISHED

ALLOWANCE = "fhir_allowance"  # what is left to the caller of this request
SYNCING_RETRY_SECONDS = 3
SIGN_IN_FIRST = "A running patient access token is required: send Authorization: Bearer <access token>."


def open_access(request: HttpRequest) -> PatientAccess:
    """Return what the request's token opens. Raises: FhirError (401, 429)."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        if kind.lower() != "bearer":
            raise InvalidToken("missing")
        access = find_patient_access(token.strip(), now=timezone.now())
    except InvalidToken:
        raise FhirError("login", text=SIGN_IN_FIRST) from None
    allowance = count_request(what="fhir", who=access.claims.jti, per_minute=settings.FHIR_PER_MINUTE)
    setattr(request, ALLOWANCE, allowance)
    if allowance is not None and allowance.is_exceeded:
        text, wait = "Too many requests in a minute.", allowance.retry_after_seconds
        raise FhirError("throttled", text=text, retry_after_seconds=wait)
    return access


def view_of(authorization: PatientAuthorization) -> View:
    """Return what is visible now: 429 while the first sync runs, 422 after it failed, 404 after it was deleted."""
    view = None if authorization.purged_at is not None else find_view(authorization)
    if view is None:
        raise nothing_there(authorization)
    return view


def nothing_there(authorization: PatientAuthorization) -> FhirError:
    """Return why there are no records of a source."""
    if authorization.purged_at is not None:
        return FhirError("not-found", text="The records of this patient were deleted.")
    job = find_latest_job(authorization)
    if is_syncing_first(authorization):
        return syncing()
    return FhirError(
        "processing",
        text="No records could be fetched from the source. Please re-authorize or contact support.",
        outcome=as_outcome(job.source_outcome) if job is not None else b"",
    )


def is_syncing_first(authorization: PatientAuthorization) -> bool:
    """Whether the first sync has not come to an end."""
    job = find_latest_job(authorization)
    return authorization.current_seq == 0 and (job is None or job.state in UNFINISHED)


def syncing() -> FhirError:
    return FhirError(
        "transient",
        text="The patient's records are being fetched. Try again shortly.",
        retry_after_seconds=SYNCING_RETRY_SECONDS,
    )


def partitions_of(access: PatientAccess) -> list[int]:
    """Return every partition that the token opens, ready to be searched. Raises: FhirError (429, 422).

    A source whose first sync failed, or whose records were deleted, is left out while another one has records.
    """
    kept = find_partitions(access.authorizations)
    refusals: list[FhirError] = []
    found: list[Kept] = []
    for authorization in access.authorizations:
        partition = kept.get(authorization.pk)
        if partition is not None and authorization.current_seq:  # a purge takes the partition away
            found.append(partition)
        else:
            refusals.append(nothing_there(authorization))
    for refusal in refusals:
        if refusal.code == "transient" or not found:
            raise refusal
    if any(each.indexed_by != EXTRACTOR_VERSION for each in found):
        raise FhirError(
            "transient",
            text="The search index of this patient is being made. Try again shortly.",
            retry_after_seconds=SYNCING_RETRY_SECONDS,
        )
    return [each.pk for each in found]


def patient_id(access: PatientAccess, fhir_id: str) -> str:
    """Return an id with the wildcard replaced: it stands for the token's first patient."""
    return str(access.authorization.destination_patient_id) if fhir_id == WILDCARD else fhir_id


def audit_reading(
    request: HttpRequest,
    access: PatientAccess,
    authorization: PatientAuthorization,
    shown: Shown,
    action: str,
) -> None:
    """Write into the audit log what was read. Shape: its ids are "Type/id"."""
    application = authorization.application
    actor = actor_behind(request, ActorKind.TOKEN, actor_id=access.claims.jti, label=application.name)
    place = Place(
        workspace_id=str(application.workspace_id),
        application_id=str(application.pk),
        mode=authorization.mode,
    )
    record_reading(action=action, by=actor, place=place, target_id=authorization.pk, shown=shown)


def private(response: HttpResponseBase) -> HttpResponseBase:
    """Let no cache keep the answer."""
    response["Cache-Control"] = "private, no-store"
    return response
