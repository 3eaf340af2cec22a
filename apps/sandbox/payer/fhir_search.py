"""Search, read and `$everything` over one member's record, page by page.

Owns parameters and page marks. Refuses what `capability` does not list, and every patient but the token's.
Source: FHIR R4 "Search", "RESTful API".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from apps.sandbox.payer.capability import READABLE_TYPES, SEARCH_PARAMETERS
from apps.sandbox.payer.generator.record import Resource
from apps.sandbox.payer.outcomes import Refusal
from apps.sandbox.payer.records import Record
from apps.sandbox.payer.searchset import Page, entry_of
from apps.sandbox.payer.signing import BadSignatureError, Signer

DEFAULT_COUNT = 50
MAXIMUM_COUNT = 200
EVERYTHING = "$everything"

_PAGE_PURPOSE = "page"
_ALWAYS_ALLOWED = ("_count", "_format", "_page")
_JSON_FORMATS = ("json", "application/json", "application/fhir+json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One page of one search. `ids` None means all; `page` counts from 1."""

    what: str
    patient_id: str
    ids: tuple[str, ...] | None
    count: int
    page: int


def read_resource(record: Record, type_: str, id_: str) -> Resource:
    """Return one resource of the record.

    Raises: Refusal for a type we do not know, another patient, or an id that is not there.
    """
    if type_ not in READABLE_TYPES:
        raise _unknown_type(type_)
    if type_ == "Patient":
        check_patient(record, id_)
    resource = record.find(type_, id_)
    if resource is None:
        raise Refusal(f"There is no {type_} with this id.", status=404, code="not-found")
    return resource


def check_patient(record: Record, patient_id: str) -> None:
    """Refuse every patient but the token's."""
    if patient_id != record.member.patient_id:
        raise Refusal("The access token is for another patient.", status=403, code="forbidden")


def parse_query(record: Record, what: str, parameters: Mapping[str, str], signer: Signer, fhir_base: str) -> Query:
    """Read a search's parameters, or the mark of one of its later pages.

    `what` is a resource type or `$everything`.
    Raises: Refusal.
    """
    if what != EVERYTHING and what not in SEARCH_PARAMETERS:
        raise _unknown_type(what)
    own = () if what == EVERYTHING else SEARCH_PARAMETERS[what]
    for name in parameters:
        if name not in own and name not in _ALWAYS_ALLOWED:
            raise Refusal("The search has a parameter that is not supported here.", status=400, code="not-supported")
    if parameters.get("_format", "json") not in _JSON_FORMATS:
        raise Refusal("Only JSON is served.", status=406, code="not-supported")
    if "_page" in parameters:
        return _marked_query(record, what, parameters["_page"], signer)
    if "patient" in parameters:
        check_patient(record, parameters["patient"].removeprefix(f"{fhir_base}/").removeprefix("Patient/"))
    elif "_id" not in parameters and what != EVERYTHING:
        required = "patient or _id" if "patient" in own else "_id"
        raise Refusal(f"The search needs {required}.", status=400, code="required")
    ids = tuple(parameters["_id"].split(",")) if "_id" in parameters else None
    if what == "Patient":
        for id_ in ids or ():
            check_patient(record, id_)
    count = _count(parameters.get("_count", str(DEFAULT_COUNT)))
    return Query(what=what, patient_id=record.member.patient_id, ids=ids, count=count, page=1)


def page_of(found: Sequence[Resource], query: Query, *, url: str, fhir_base: str, signer: Signer) -> Page:
    """Cut the query's page out of what was found; `url` is the search's own without its query."""
    start = (query.page - 1) * query.count
    is_more = query.count and start + query.count < len(found)
    return Page(
        fhir_base=fhir_base,
        total=len(found),
        self_url=f"{url}?{_own_query(query, signer)}",
        first_url=f"{url}?{_own_query(dataclasses.replace(query, page=1), signer)}",
        next_url=f"{url}?_page={_mark(query, signer, query.page + 1)}" if is_more else "",
        entries=[entry_of(resource, fhir_base) for resource in found[start : start + query.count]],
    )


def matches(record: Record, query: Query) -> Sequence[Resource]:
    """Return everything that the query asks for, on all its pages."""
    if query.what == EVERYTHING:
        return [resource for resource in record.resources if resource.type in SEARCH_PARAMETERS]
    if query.ids is None:
        return record.of_type(query.what)
    asked = (record.find(query.what, id_) for id_ in dict.fromkeys(query.ids))
    return [resource for resource in asked if resource]


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Refusal("_count is not a whole number.", status=400, code="value")
    return min(int(text[:9]), MAXIMUM_COUNT)


def _own_query(query: Query, signer: Signer) -> str:
    """Say the search as it was understood: its parameters on the first page, the mark on later ones."""
    if query.page > 1:
        return f"_page={_mark(query, signer, query.page)}"
    parameters = {} if query.what in (EVERYTHING, "Patient") or query.ids else {"patient": query.patient_id}
    if query.ids:
        parameters["_id"] = ",".join(query.ids)
    return urlencode({**parameters, "_count": query.count}, safe=",")


def _mark(query: Query, signer: Signer, page: int) -> str:
    claims = {"w": query.what, "p": query.patient_id, "i": query.ids, "c": query.count, "n": page}
    return signer.seal(claims, purpose=_PAGE_PURPOSE)


def _marked_query(record: Record, what: str, mark: str, signer: Signer) -> Query:
    try:
        claims = signer.open(mark, purpose=_PAGE_PURPOSE, now=0)
    except BadSignatureError:
        raise Refusal("The page mark is not one of ours.", status=400, code="value") from None
    check_patient(record, claims["p"])
    if claims["w"] != what:
        raise Refusal("The page mark belongs to another search.", status=400, code="value")
    ids = None if claims["i"] is None else tuple(claims["i"])
    return Query(what=what, patient_id=claims["p"], ids=ids, count=claims["c"], page=claims["n"])


def _unknown_type(type_: str) -> Refusal:
    known = f"{type_} is not searched here." if type_ in READABLE_TYPES else "This resource type is not served here."
    return Refusal(known, status=404, code="not-supported")
