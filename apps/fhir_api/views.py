"""Reads of one consent's records as FHIR. Every answer, refusals included, is FHIR; every reading is audited."""

from __future__ import annotations

import re

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from apps.audit.services import Shown
from apps.fhir.capability import capability_statement
from apps.fhir.outcomes import FhirError
from apps.fhir.resource_types import ALL_R4_TYPES
from apps.records.selectors import Stored, find_current

from .access import audit_reading, nothing_there, open_access, patient_id, private
from .answers import CONTENT_TYPE, fhir
from .negotiation import check_parameters

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")  # FHIR R4 "id"


@fhir
def read(request: HttpRequest, *, resource_type: str, fhir_id: str) -> HttpResponseBase:
    """`GET /fhir/<Type>/<id>`. Source: FHIR R4 "read" and "conditional read"."""
    check_type(resource_type)
    access = open_access(request)
    check_parameters(request)
    wanted = patient_id(access, fhir_id) if resource_type == "Patient" else fhir_id
    for authorization in access.authorizations:
        if authorization.purged_at is not None or authorization.current_seq == 0:
            raise nothing_there(authorization)
        found = find_current(authorization, resource_type, wanted) if ID.fullmatch(wanted) else None
        if found is not None:
            audit_reading(request, access, authorization, Shown.of([f"{resource_type}/{wanted}"]), "record.read")
            return _conditionally(request, found)
    raise FhirError("not-found", text="No such resource for this patient.")


def check_type(resource_type: str) -> None:
    if resource_type not in ALL_R4_TYPES:
        raise FhirError("not-supported", text=f"{resource_type[:64]} is not a resource type of FHIR R4.")


def _conditionally(request: HttpRequest, found: Stored) -> HttpResponseBase:
    """Answer with the line, or with 304 where the client has it. A version's own number is its tag."""
    etag = f'W/"{found.pk}"'
    changed = int(found.stored_at.timestamp())
    answer = get_conditional_response(request, etag=etag, last_modified=changed)
    response = answer or HttpResponse(found.line, content_type=CONTENT_TYPE)
    response["ETag"] = etag
    response["Last-Modified"] = http_date(changed)
    return private(response)


@fhir
def metadata(request: HttpRequest) -> HttpResponseBase:
    """`GET /fhir/metadata`: true to the table that search reads; without a token too, not with a bad one."""
    if "Authorization" in request.headers:
        open_access(request)
    statement = capability_statement(base_url=f"{settings.PUBLIC_URL}/fhir", brand=settings.BRAND_NAME)
    return HttpResponse(statement, content_type=CONTENT_TYPE)


@fhir
def not_supported(request: HttpRequest) -> HttpResponseBase:
    open_access(request)
    raise FhirError(
        "not-supported",
        text="This interaction is not supported. Supported: /fhir/<Type>, /fhir/<Type>/<id>, Patient/<id>/$everything.",
    )
