"""`$expunge`: a patient's records deleted for good, and where a client asks whether that is done.

Owns the two answers; refuses to delete by itself (apps.syncs). Source: records-api seed, "$expunge".
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from apps.audit.events import ActorKind
from apps.audit.request_facts import actor_behind
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.selectors import PatientAccess
from apps.fhir.outcomes import FhirError, operation_outcome
from apps.syncs.services import expunge as expunge_records

from .access import is_syncing_first, open_access, patient_id, private, syncing
from .answers import CONTENT_TYPE, fhir, fhir_view
from .negotiation import check_parameters


@fhir_view(("POST",))
def expunge(request: HttpRequest, *, fhir_id: str) -> HttpResponseBase:
    """`POST /fhir/Patient/<id>/$expunge`: done when it answers; 202 all the same, as the contract has it."""
    access = open_access(request)
    check_parameters(request)
    wanted = patient_id(access, fhir_id)
    authorization = _find(access, wanted)
    if is_syncing_first(authorization):
        raise syncing()
    by = actor_behind(request, ActorKind.TOKEN, actor_id=access.claims.jti, label=authorization.application.name)
    if not expunge_records(authorization=authorization, by=by, now=timezone.now()):
        raise FhirError("not-found", text="The records of this patient were deleted before.")
    status_url = f"{settings.PUBLIC_URL}/fhir/job/{authorization.pk}/status"
    return _told("accepted", "Accepted", status=202, diagnostics=status_url)


@fhir
def job_status(request: HttpRequest, *, job_id: str) -> HttpResponseBase:
    """`GET /fhir/job/<id>/status`: an expunge has ended when it is accepted."""
    access = open_access(request)
    check_parameters(request)
    if not any(str(each.pk) == job_id and each.purged_at is not None for each in access.authorizations):
        raise FhirError("not-found", text="No such job for this access token.")
    return _told("completed", "Completed", status=200)


def _find(access: PatientAccess, fhir_id: str) -> PatientAuthorization:
    for authorization in access.authorizations:
        if str(authorization.destination_patient_id) == fhir_id:
            return authorization
    raise FhirError("not-found", text="No such Patient for this access token.")


def _told(outcome_id: str, text: str, *, status: int, diagnostics: str = "") -> HttpResponseBase:
    body = operation_outcome(
        code="informational", severity="information", text=text, outcome_id=outcome_id, diagnostics=diagnostics
    )
    return private(HttpResponse(body, content_type=CONTENT_TYPE, status=status))
