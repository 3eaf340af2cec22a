"""The crawl's view of a source: capability, pages, batches by id. One door, no redirects, no database.

Source: FHIR R4 "Search" (paging by `next` links) and "Capabilities".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

from apps.fhir import codec
from apps.fhir.codec import SourceEntry, SourcePage
from apps.fhir.resource_types import SUPPORT_TYPES, SUPPORTED_TYPES
from apps.fhir.salvage import claimed_identity
from apps.outbound.failures import RefusedAddress, SourceError
from apps.outbound.http import Door, Response
from apps.outbound.retries import retry_after_seconds
from apps.transforms.pipeline import TYPE_NAME

OUTCOME_BYTES = 16 * 1024
ACCEPT = {"Accept": "application/fhir+json"}


class Source:
    """One endpoint seen with one patient's access token."""

    def __init__(self, *, door: Door, fhir_base: str, patient_id: str, access_token: str, page_size: int) -> None:
        self.door = door
        self.fhir_base = fhir_base
        self.patient_id = patient_id
        self.access_token = access_token
        self.page_size = page_size
        self.requests_made = 0

    def searchable_types(self) -> tuple[list[str], list[str]]:
        """Return (types to search by patient, types to fetch by id), as the CapabilityStatement offers them.

        Raises: SourceError.
        """
        body = self._get(f"{self.fhir_base}/metadata").body
        try:
            by_patient, by_id = _offered(msgspec.json.decode(body))
        except (msgspec.DecodeError, AttributeError, TypeError, UnicodeDecodeError):
            by_patient = []
        if not by_patient:
            raise fault("The source's CapabilityStatement cannot be read.", "unreadable-capability", permanent=False)
        return by_patient, by_id

    def first_url(self, resource_type: str) -> str:
        query = urlencode({"patient": self.patient_id, "_count": self.page_size})
        return f"{self.fhir_base}/{resource_type}?{query}"

    def patient(self) -> SourcePage:
        """Read the Patient as a page of one. Raises: SourceError, also for an answer that is not this Patient."""
        url = f"{self.fhir_base}/Patient/{self.patient_id}"
        raw = self._get(url).body
        kind, source_id = claimed_identity(raw)
        if kind != "Patient":
            raise fault("The source's answer is not a Patient.", "not-a-patient", permanent=False)
        if source_id not in ("", self.patient_id):
            raise fault("The source answered with another Patient.", "another-patient", permanent=True)
        return SourcePage(entries=[SourceEntry(full_url=url, raw=raw)], next_url=None, total=1, outcomes=[])

    def page(self, url: str) -> SourcePage:
        """Fetch one page. Raises: SourceError, also for a `next` link that leads off the source."""
        absolute = _joined(f"{self.fhir_base}/", url)
        if urlsplit(absolute)[:2] != urlsplit(self.fhir_base)[:2]:
            raise fault("A page's next link leads to another server.", "foreign-next-link", permanent=True)
        page = self._bundle(self._get(absolute))
        if page.next_url is not None and _joined(absolute, page.next_url) == absolute:
            raise fault("A page's next link leads to itself.", "looping-next-link", permanent=True)
        return page

    def by_ids(self, resource_type: str, source_ids: Sequence[str]) -> SourcePage:
        """Fetch a batch of one type by id. Raises: SourceError."""
        query = urlencode({"_id": ",".join(source_ids), "_count": len(source_ids)}, safe=",")
        return self.page(f"{self.fhir_base}/{resource_type}?{query}")

    def _bundle(self, answer: Response) -> SourcePage:
        try:
            return codec.split_bundle(answer.body)
        except codec.CodecError:
            raise fault("The page is not a readable Bundle.", "unreadable-page", permanent=False) from None

    def _get(self, url: str) -> Response:
        self.requests_made += 1
        headers = {**ACCEPT, "Authorization": f"Bearer {self.access_token}"}
        try:
            answer = self.door.request("GET", url, headers=headers)
        except RefusedAddress as refused:
            raise fault(str(refused), "refused-address", permanent=True) from None
        if answer.status == 200:
            return answer
        outcome = answer.body[:OUTCOME_BYTES] if b'"OperationOutcome"' in answer.body else None
        raise SourceError(
            f"The source answered {answer.status}.",
            code=f"http-{answer.status}",
            permanent=400 <= answer.status < 500 and answer.status not in (401, 408, 429),
            status=answer.status,
            retry_after_seconds=retry_after_seconds(answer.headers.get("retry-after", ""), now=dt.datetime.now(dt.UTC)),
            outcome=outcome,
        )


def _joined(base: str, link: str) -> str:
    """Return the absolute URL of a link. Raises: SourceError for what is no URL."""
    if not link.isprintable():
        raise fault("A page's next link is not a URL.", "bad-next-link", permanent=True)
    try:
        return urljoin(base, link)
    except ValueError:
        raise fault("A page's next link is not a URL.", "bad-next-link", permanent=True) from None


def _offered(statement: Any) -> tuple[list[str], list[str]]:
    by_patient, by_id = [], []
    for rest in statement.get("rest", []):
        for resource in rest.get("resource", []):
            names = {each.get("name") for each in resource.get("searchParam", [])}
            kind = resource.get("type")
            if not isinstance(kind, str) or not TYPE_NAME.fullmatch(kind):
                continue
            if "patient" in names:
                by_patient.append(kind)
            elif kind in SUPPORT_TYPES or kind in SUPPORTED_TYPES:
                by_id.append(kind)
    order = {kind: place for place, kind in enumerate(SUPPORTED_TYPES)}
    by_patient.sort(key=lambda kind: (order.get(kind, len(order)), kind))
    return by_patient, sorted(kind for kind in by_id if kind != "Patient")


def fault(message: str, code: str, *, permanent: bool) -> SourceError:
    return SourceError(message, code=code, permanent=permanent, status=None, retry_after_seconds=None, outcome=None)
