"""The product behind the oracle's interface: a store of resources in a partition, searched over HTTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.services import issue_tokens
from apps.records.models import StoredResource
from apps.records.services import close_sequence, open_partition, purge_partition
from tests.fhir_search.oracle import Stored
from tests.fhir_search.stores import line
from tests.records.partitions import make_authorization

__all__ = ["Product", "base_url"]


def base_url() -> str:
    return f"{settings.PUBLIC_URL}/fhir"


class Product:
    """One consent with one partition, and a program with its token."""

    def __init__(self) -> None:
        self.authorization: PatientAuthorization = make_authorization()
        issued = issue_tokens(consent=self.authorization.consent, by=SYSTEM, now=timezone.now())
        self.headers = {"Authorization": f"Bearer {issued.access_token}"}
        self.client = Client(enforce_csrf_checks=True)

    @transaction.atomic
    def load(self, stores: Sequence[Stored]) -> None:
        """Put the resources in the place of those that are there, as one sync would: verbatim, in their order."""
        purge_partition(authorization_id=self.authorization.pk)
        partition = open_partition(self.authorization)
        ordered = sorted(stores, key=lambda each: each.order)
        StoredResource.objects.bulk_create(
            StoredResource(
                partition=partition, type=each.type, fhir_id=each.id, first_seq=1, stored_at=each.changed,
                source_hash=b"", content_hash=sha256(line(each)).digest(), pipeline_version=1, line=line(each),
            )
            for each in ordered
        )  # fmt: skip
        close_sequence(
            partition_id=partition.pk,
            seq=1,
            keys=[f"{each.type}/{each.id}" for each in ordered],
            complete_types=[],
            now=timezone.now(),
        )

    def search(self, resource_type: str, query: str, **headers: str) -> tuple[int, dict[str, Any]]:
        """Return status and Bundle, or OperationOutcome."""
        return self.get(f"/fhir/{resource_type}?{query}", **headers)

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
        response = self.client.get(path, headers={**self.headers, **headers})
        body = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
        return response.status_code, json.loads(body, parse_float=Decimal)
