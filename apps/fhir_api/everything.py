"""`$everything`: all of one patient's records in one streamed searchset, or in pages where the client wants them.

Owns its options; refuses to decode: stored lines go out as they are. Source: records-api seed, "Patient $everything";
FHIR R4 "Patient-everything" for _type, _since and _count.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from apps.audit.services import Shown
from apps.fhir.bundles import searchset_bundle
from apps.fhir.outcomes import FhirError
from apps.fhir.resource_types import ALL_R4_TYPES
from apps.fhir.search.request import MOST_COUNT, MOST_OFFSET, whole_number
from apps.fhir.search.values import date_range, moment
from apps.records.searching import find_lines
from apps.records.selectors import View

from .access import audit_reading, open_access, patient_id, private, view_of
from .answers import CONTENT_TYPE, fhir
from .negotiation import READ, check_parameters

OPTIONS = frozenset({"_type", "_since", "_count", "_offset"})


@dataclass(frozen=True, slots=True)
class Options:
    """What of it, and how: `count` None is all at once."""

    types: list[str] | None
    since: dt.datetime | None
    count: int | None
    offset: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page, and how many there are in all."""

    resource_ids: list[int]
    total: int


@fhir
def everything(request: HttpRequest, *, fhir_id: str) -> HttpResponseBase:
    """`GET /fhir/Patient/<id>/$everything`."""
    access = open_access(request)
    check_parameters(request, also=OPTIONS)
    options = _read_options(request)
    wanted = patient_id(access, fhir_id)
    authorization = next((each for each in access.authorizations if str(each.destination_patient_id) == wanted), None)
    if authorization is None:
        raise FhirError("not-found", text="No such Patient for this access token.")
    view = view_of(authorization)
    page, shown = _page(view, options)
    audit_reading(request, access, authorization, shown, "record.everything_read")
    base = f"{settings.PUBLIC_URL}/fhir"
    total = None if page is None else page.total
    body = searchset_bundle(
        _entries(view, options, page),
        base_url=base,
        bundle_id=uuid.uuid4().hex,
        links=_links(request, f"{base}/Patient/{wanted}/$everything", options, total or 0),
        total=total,
    )
    return private(StreamingHttpResponse(body, content_type=CONTENT_TYPE))


def _read_options(request: HttpRequest) -> Options:
    types = [each for each in request.GET.get("_type", "").split(",") if each]
    for each in types:
        if each not in ALL_R4_TYPES:
            raise FhirError("invalid", text=f"_type names {each[:40]!a}, which is no resource type of FHIR R4.")
    since = request.GET.get("_since")
    span = date_range(since.replace(" ", "+")) if since is not None else None
    if since is not None and span is None:
        raise FhirError("invalid", text="_since must be an instant: 2026-11-21T08:00:00Z.")
    count = request.GET.get("_count")
    offset = whole_number("_offset", request.GET.get("_offset", "0"), MOST_OFFSET)
    if count is None:
        if offset:
            raise FhirError("invalid", text="_offset needs _count: without it there are no pages.")
        return Options(types or None, moment(span.low) if span else None, None, 0)
    most = min(max(whole_number("_count", count, 2**31), 1), MOST_COUNT)
    return Options(types or None, moment(span.low) if span else None, most, offset)


def _page(view: View, options: Options) -> tuple[Page | None, Shown]:
    """Return the page, None for all at once, and what is shown."""
    if options.count is None:
        return None, Shown(*view.count_and_hash(types=options.types, changed_from=options.since))
    found = view.addresses(types=options.types, changed_from=options.since)
    page = found[options.offset : options.offset + options.count]
    return Page([pk for pk, _, _ in page], len(found)), Shown.of(f"{kind}/{each}" for _, kind, each in page)


def _entries(view: View, options: Options, page: Page | None) -> Iterator[tuple[str, str, bytes, str]]:
    if page is None:
        for kind, fhir_id, line in view.lines(types=options.types, changed_from=options.since):
            yield kind, fhir_id, line, "match"
        return
    for each in find_lines([view.partition_id], page.resource_ids):
        yield each.type, each.fhir_id, each.line, "match"


def _links(request: HttpRequest, url: str, options: Options, total: int) -> dict[str, str]:
    """Return the links of the page; of an answer in one piece its own."""
    kept = [(name, value) for name, value in request.GET.items() if name not in READ and name != "_offset"]

    def at(offset: int | None) -> str:
        query = urlencode([*kept, *([("_offset", str(offset))] if offset is not None else [])], safe="$:,")
        return f"{url}?{query}" if query else url

    if options.count is None:
        return {"self": at(None)}
    links = {"self": at(options.offset), "first": at(0)}
    if options.offset:
        links["previous"] = at(max(0, options.offset - options.count))
    if options.offset + options.count < total:
        links["next"] = at(options.offset + options.count)
    return links
