"""Find anything of ours by a whole ID, by the beginning of a key, or by a name that the team gave.

Looks into the given applications only: what belongs to others is not found, and not hinted at.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.applications.keys import LOOKUP_LENGTH, lookup_prefix
from apps.applications.models import ApiKey, Application
from apps.audit.models import AuditEvent
from apps.authorizations.models import PatientAuthorization
from apps.destinations.models import ConnectionTest, Delivery, DeliveryAttempt, Destination
from apps.destinations.states import DestinationState
from apps.directory.models import Endpoint
from apps.syncs.models import SyncJob
from apps.workspaces.scoped_admin import Scope
from apps.workspaces.selectors import list_open_workspaces

MOST_HITS = 20
KEY = re.compile(r"(pk|sk|mk)_(test|live)_[A-Za-z0-9_-]{4,}")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that a search found. Shape of `page`: the name of a page of the portal's site.

    Without `pk` the page is a list, narrowed by `query`.
    """

    kind: str
    text: str
    page: str
    pk: object
    application: Application
    mode: str
    query: str = ""


Found = tuple[str, str, str, Any]


def shown_query(text: str) -> str:
    """Return what a page may repeat of a search: of a whole key, its beginning only."""
    return f"{lookup_prefix(text)}…" if KEY.fullmatch(text) and len(text) > LOOKUP_LENGTH else text


def search(scope: Scope, text: str) -> list[Hit]:
    """Find anything of this application and mode."""
    return _search(Application.objects.filter(pk=scope.application_id), text, mode=str(scope.mode))


def search_everywhere(user_id: UUID, text: str) -> list[Hit]:
    """Find anything in all applications of the workspaces that a person may enter, in both modes."""
    return _search(Application.objects.filter(workspace__in=list_open_workspaces(user_id)), text)


def find_request(scope: Scope, text: str) -> list[AuditEvent]:
    """Find what the audit trail of this application and mode has about a request."""
    identifier = _uuid(text)
    if identifier is None:
        return []
    events = AuditEvent.objects.filter(
        request_id=str(identifier),
        workspace_id=str(scope.workspace_id),
        application_id=str(scope.application_id),
        mode__in=["", str(scope.mode)],
    )
    return list(events.order_by("-id")[:MOST_HITS])


def _search(applications: QuerySet[Application], text: str, **within: str) -> list[Hit]:
    known = {each.pk: each for each in applications.select_related("workspace")}
    here: dict[str, Any] = {"application__in": list(known), **within}
    identifier = _uuid(text)
    found: list[Found] = []
    hits: list[Hit] = []
    if KEY.fullmatch(text):
        found += _find_keys(here, text)
    elif identifier is not None:
        found += _find_by_id(here, identifier)
        hits += _find_endpoint(here, known, identifier)
    else:
        found += _find_by_name(here, text)
    return [
        *(Hit(kind, shown, f"{page}_change", each.pk, known[each.application_id], str(each.mode))
          for kind, shown, page, each in found),
        *hits,
    ]  # fmt: skip


def _find_keys(here: dict[str, Any], text: str) -> Iterator[Found]:
    """Find keys by their beginning, whole or not; of a whole one no more than that is used."""
    matching = Q(prefix__startswith=lookup_prefix(text)) | Q(public_value=text)
    for key in ApiKey.objects.filter(matching, **here).order_by("-created_at", "id")[:MOST_HITS]:
        yield f"{key.get_kind_display().capitalize()} key", str(key), "applications_apikey", key


def _find_by_id(here: dict[str, Any], identifier: UUID) -> Iterator[Found]:
    for kind, model, page in (
        ("API key", ApiKey, "applications_apikey"),
        ("Destination", Destination, "destinations_destination"),
        ("Delivery", Delivery, "destinations_delivery"),
        ("Sync job", SyncJob, "syncs_syncjob"),
        ("Authorization", PatientAuthorization, "authorizations_patientauthorization"),
    ):
        for each in model._default_manager.filter(pk=identifier, **here):
            yield kind, str(each), page, each
    of_consent = PatientAuthorization.objects.filter(
        Q(consent=identifier) | Q(destination_patient_id=identifier), **here
    )
    for each in of_consent.order_by("created_at", "id")[:MOST_HITS]:
        kind = "this consent" if each.consent_id == identifier else "this patient"
        yield f"Authorization of {kind}", str(each.pk), "authorizations_patientauthorization", each
    inside = {f"destination__{name}": value for name, value in here.items()}
    for test in ConnectionTest.objects.filter(pk=identifier, **inside).select_related("destination"):
        yield "Destination of this connection test", test.destination.name, "destinations_destination", test.destination


def _find_by_name(here: dict[str, Any], text: str) -> Iterator[Found]:
    by_key = Delivery.objects.filter(Q(object_key=text) | Q(external_id=text), **here)
    for each in by_key.order_by("-created_at", "id")[:MOST_HITS]:
        yield "Delivery", each.object_key, "destinations_delivery", each
    of_user = PatientAuthorization.objects.filter(consent__end_user__external_id=text, **here)
    for given in of_user.order_by("-created_at", "id")[:MOST_HITS]:
        yield "Authorization", str(given.pk), "authorizations_patientauthorization", given
    of_bucket = Destination.objects.filter(Q(bucket=text) | Q(name=text), **here)
    for storage in of_bucket.exclude(state=DestinationState.DELETED).order_by("name", "id")[:MOST_HITS]:
        yield "Destination", storage.name, "destinations_destination", storage
    inside = {f"delivery__{name}": value for name, value in here.items()}
    asked = DeliveryAttempt.objects.filter(request_id=text, **inside).select_related("delivery")
    for attempt in asked.order_by("-started_at", "pk")[:MOST_HITS]:
        yield "Delivery with this AWS request", attempt.delivery.object_key, "destinations_delivery", attempt.delivery


def _find_endpoint(here: dict[str, Any], known: dict[Any, Application], identifier: UUID) -> Iterator[Hit]:
    """Find the authorizations at an endpoint: it is no team's own, so it leads to lists."""
    endpoint = Endpoint.objects.filter(pk=identifier).first()
    if endpoint is None or here.get("mode", endpoint.mode) != endpoint.mode:
        return
    using = PatientAuthorization.objects.filter(endpoint=endpoint, **here).order_by("application_id")
    for application in using.values_list("application_id", flat=True).distinct():
        yield Hit(
            "Authorizations at this endpoint",
            str(endpoint),
            "authorizations_patientauthorization_changelist",
            None,
            known[application],
            endpoint.mode,
            urlencode({"endpoint_id": endpoint.pk}),
        )


def _uuid(text: str) -> UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
