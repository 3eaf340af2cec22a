"""Reads of one consent's records as FHIR. Every answer, refusals included, is FHIR; every reading is audited.

Search is refused as not supported yet, never half answered.
"""

from __future__ import annotations

import functools
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from apps.applications.services import Allowance, count_request
from apps.audit.events import ActorKind, Place
from apps.audit.request_facts import actor_behind
from apps.audit.services import record_reading
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.selectors import PatientAccess, find_patient_access
from apps.authorizations.tokens import InvalidToken
from apps.fhir.bundles import everything_bundle
from apps.fhir.outcomes import FhirError
from apps.fhir.resource_types import ALL_R4_TYPES, SUPPORTED_TYPES
from apps.records.selectors import View, find_view
from apps.syncs.selectors import find_latest_job
from apps.syncs.states import UNFINISHED

from .negotiation import check_format, check_parameters

CONTENT_TYPE = "application/fhir+json"
READING = ("GET", "HEAD")
WILDCARD = "$PATIENT_ID"
ALLOWANCE = "fhir_allowance"  # what is left to the caller of this request
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")  # FHIR R4 "id"
SYNCING_RETRY_SECONDS = 3
SIGN_IN_FIRST = "A running patient access token is required: send Authorization: Bearer <access token>."


def fhir(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Turn every FhirError into an OperationOutcome; the only `try` of the FHIR API."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, **path: str) -> HttpResponseBase:
        try:
            if request.method not in READING:
                text = f"Only reading is supported here: GET or HEAD, not {request.method}."
                raise FhirError("not-supported", text=text, status=405)
            check_format(request)
            response = view(request, **path)
        except FhirError as error:
            response = _refusal(error)
        allowance: Allowance | None = getattr(request, ALLOWANCE, None)
        for name, value in (allowance.headers if allowance else {}).items():
            response[name] = value
        return response

    return wrapped


def _refusal(error: FhirError) -> HttpResponse:
    response = HttpResponse(error.body(), content_type=CONTENT_TYPE, status=error.status)
    if error.retry_after_seconds is not None:
        response["Retry-After"] = str(int(error.retry_after_seconds))
        if error.code == "transient":  # the contract's own header, of the first sync alone
            response["X-Retry-After"] = response["Retry-After"]
    if error.status == 405:
        response["Allow"] = ", ".join(READING)
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


@fhir
def read(request: HttpRequest, *, resource_type: str, fhir_id: str) -> HttpResponseBase:
    """`GET /fhir/<Type>/<id>`. Source: FHIR R4 "read"."""
    if resource_type not in ALL_R4_TYPES:
        raise FhirError("not-supported", text=f"{resource_type[:64]} is not a resource type of FHIR R4.")
    access = _access(request)
    check_parameters(request)
    for authorization in access.authorizations:
        view = _view(authorization)
        wanted = _patient_id(access, fhir_id) if resource_type == "Patient" else fhir_id
        line = view.line(resource_type, wanted) if ID.fullmatch(wanted) else None
        if line is not None:
            _audit(request, access, authorization, [f"{resource_type}/{wanted}"], "record.read")
            return _private(HttpResponse(line, content_type=CONTENT_TYPE))
    raise FhirError("not-found", text="No such resource for this patient.")


@fhir
def everything(request: HttpRequest, *, fhir_id: str) -> HttpResponseBase:
    """`GET /fhir/Patient/<id>/$everything`: one streamed searchset. Source: records-api seed."""
    access = _access(request)
    check_parameters(request)
    wanted = _patient_id(access, fhir_id)
    mine = [each for each in access.authorizations if str(each.destination_patient_id) == wanted]
    if not mine:
        raise FhirError("not-found", text="No such Patient for this access token.")
    authorization = mine[0]
    view = _view(authorization)
    ids = [f"{kind}/{each}" for kind, each in view.rows().values_list("type", "fhir_id")]
    _audit(request, access, authorization, ids, "record.everything_read")
    base = f"{settings.PUBLIC_URL}/fhir"
    body: Iterator[bytes] = everything_bundle(
        view.lines(),
        base_url=base,
        bundle_id=uuid.uuid4().hex,
        self_url=f"{base}/Patient/{wanted}/$everything",
    )
    return _private(StreamingHttpResponse(body, content_type=CONTENT_TYPE))


@fhir
def metadata(request: HttpRequest) -> HttpResponseBase:
    """`GET /fhir/metadata`: true to what is implemented: reading by id, and `$everything`."""
    base = f"{settings.PUBLIC_URL}/fhir"
    operation = {
        "name": "everything",
        "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
    }
    resources: list[dict[str, Any]] = [{"type": kind, "interaction": [{"code": "read"}]} for kind in SUPPORTED_TYPES]
    for resource in resources:
        if resource["type"] == "Patient":
            resource["operation"] = [operation]
    statement = {
        "resourceType": "CapabilityStatement",
        "url": f"{base}/metadata",
        "title": f"{settings.BRAND_NAME} Capability Statement",
        "status": "active",
        "date": "2026-11-21",
        "publisher": settings.BRAND_NAME,
        "kind": "instance",
        "implementation": {"description": settings.BRAND_NAME, "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "resource": resources}],
    }
    return HttpResponse(msgspec.json.encode(statement), content_type=CONTENT_TYPE)


@fhir
def not_supported(request: HttpRequest) -> HttpResponseBase:
    _access(request)
    raise FhirError(
        "not-supported",
        text="This interaction is not supported. Supported: /fhir/<Type>/<id>, Patient/<id>/$everything.",
    )


def _access(request: HttpRequest) -> PatientAccess:
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


def _view(authorization: PatientAuthorization) -> View:
    """Return what is visible now: 429 while the first sync runs, 422 after it failed."""
    view = find_view(authorization)
    if view is not None:
        return view
    job = find_latest_job(authorization)
    if job is None or job.state in UNFINISHED:
        raise FhirError(
            "transient",
            text="The patient's records are being fetched. Try again shortly.",
            retry_after_seconds=SYNCING_RETRY_SECONDS,
        )
    raise FhirError(
        "processing",
        text="No records could be fetched from the source. Please re-authorize or contact support.",
    )


def _patient_id(access: PatientAccess, fhir_id: str) -> str:
    return str(access.authorization.destination_patient_id) if fhir_id == WILDCARD else fhir_id


def _audit(
    request: HttpRequest,
    access: PatientAccess,
    authorization: PatientAuthorization,
    ids: list[str],
    action: str,
) -> None:
    application = authorization.application
    actor = actor_behind(request, ActorKind.TOKEN, actor_id=access.claims.jti, label=application.name)
    place = Place(
        workspace_id=str(application.workspace_id),
        application_id=str(application.pk),
        mode=authorization.mode,
    )
    record_reading(action=action, by=actor, place=place, target_id=authorization.pk, ids=ids)


def _private(response: HttpResponseBase) -> HttpResponseBase:
    response["Cache-Control"] = "private, no-store"
    return response
