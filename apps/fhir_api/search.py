"""`GET /fhir/<Type>?…` and `POST /fhir/<Type>/_search`. Source: FHIR R4 "Search"; records-api seed, "Search".

Owns the way from a query string to a Bundle; refuses to read values (apps.fhir.search) and to find (apps.records).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from apps.audit.services import Shown
from apps.authorizations.selectors import PatientAccess
from apps.fhir.bundles import searchset_bundle
from apps.fhir.outcomes import FhirError, operation_outcome
from apps.fhir.projecting import Summary, select_elements, summarise
from apps.fhir.search.conditions import Asking
from apps.fhir.search.request import WILDCARD, Search, read_search
from apps.fhir.search.values import instant
from apps.records.including import MOST_INCLUDED, Included, find_included
from apps.records.searching import Line, find_lines, find_page

from .access import audit_reading, open_access, partitions_of, patient_id, private
from .answers import CONTENT_TYPE, fhir, fhir_view
from .views import check_type

FORM = "application/x-www-form-urlencoded"


@fhir
def search(request: HttpRequest, *, resource_type: str) -> HttpResponseBase:
    """`GET /fhir/<Type>?…`."""
    return _answer(request, resource_type, request.META.get("QUERY_STRING", ""))


@fhir_view(("POST",))
def search_by_form(request: HttpRequest, *, resource_type: str) -> HttpResponseBase:
    """`POST /fhir/<Type>/_search`: its parameters are those of the address and those of the form, in this order."""
    if request.content_type != FORM:
        raise FhirError("not-supported", text=f"A search by POST is a form: send Content-Type: {FORM}.", status=415)
    return _answer(
        request, resource_type, request.META.get("QUERY_STRING", ""), request.body.decode("utf-8", "replace")
    )


def _answer(request: HttpRequest, resource_type: str, *texts: str) -> HttpResponseBase:
    """Return one page of a search as a searchset Bundle."""
    check_type(resource_type)
    parameters = [pair for text in texts for pair in parse_qsl(text, keep_blank_values=True)]
    access = open_access(request)
    base = f"{settings.PUBLIC_URL}/fhir"
    asked = read_search(
        resource_type,
        parameters,
        asking=Asking(now=instant(timezone.now()), base_url=base),
        patient_id=patient_id(access, WILDCARD),
        is_strict="handling=strict" in request.headers.get("Prefer", "").replace(" ", "").split(","),
    )
    partitions = partitions_of(access)
    page = find_page(partitions, asked)
    matches = find_lines(partitions, page.resource_ids)
    included = (
        find_included(partitions, matches, asked.includes, base_url=base) if asked.includes else Included([], False)
    )
    _audit(request, access, [*matches, *included.lines])
    body = searchset_bundle(
        _entries(asked, matches, included),
        base_url=base,
        bundle_id=uuid.uuid4().hex,
        links=_links(asked, f"{base}/{resource_type}", has_more=page.has_more),
        total=page.total,
    )
    return private(HttpResponse(b"".join(body), content_type=CONTENT_TYPE))


def _entries(asked: Search, matches: list[Line], included: Included) -> Iterator[tuple[str, str, bytes, str]]:
    for each in matches:
        yield each.type, each.fhir_id, _projected(asked, each), "match"
    for each in included.lines:
        yield each.type, each.fhir_id, each.line, "include"
    for text in _remarks(asked, included):
        yield _outcome(text)


def _projected(asked: Search, found: Line) -> bytes:
    if asked.elements:
        return select_elements(found.line, found.type, elements=asked.elements)
    if asked.summary in ("false", "count"):
        return found.line
    return summarise(found.line, found.type, summary=Summary(asked.summary))


def _remarks(asked: Search, included: Included) -> Iterator[str]:
    for name in dict.fromkeys(asked.ignored):
        yield f"The parameter {name[:40]!a} is unknown for {asked.resource_type} and was ignored."
    if included.is_cut:
        yield f"More than {MOST_INCLUDED} resources would be included; the rest was left out. Ask for smaller pages."


def _outcome(text: str) -> tuple[str, str, bytes, str]:
    outcome_id = str(uuid.uuid4())
    line = operation_outcome(code="not-supported", severity="warning", text=text, outcome_id=outcome_id)
    return "OperationOutcome", outcome_id, line, "outcome"


def _links(asked: Search, url: str, *, has_more: bool) -> dict[str, str]:
    """Return the links in the caller's own parameters, as far as they were used."""
    kept = [(name, value) for name, value in asked.parameters if name != "_offset"]

    def at(offset: int) -> str:
        return f"{url}?{urlencode([*kept, ('_offset', str(offset))], safe='$:,|/')}"

    own = urlencode(asked.parameters, safe="$:,|/")
    links = {"self": f"{url}?{own}" if own else url, "first": at(0)}
    if asked.offset:
        links["previous"] = at(max(0, asked.offset - asked.count))
    if has_more and asked.count:
        links["next"] = at(asked.offset + asked.count)
    return links


def _audit(request: HttpRequest, access: PatientAccess, lines: list[Line]) -> None:
    shown = Shown.of(f"{each.type}/{each.fhir_id}" for each in lines)
    audit_reading(request, access, access.authorization, shown, "record.searched")
