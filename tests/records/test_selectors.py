"""Reading: order, pages, and what a reader may see."""

from __future__ import annotations

import pytest

from apps.records.models import StoredResource
from apps.records.selectors import CHUNK_ROWS, View, find_view
from tests import factories

from .partitions import Filled, Resource

pytestmark = pytest.mark.django_db


def add_rows(filled: Filled, kind: str, ids: list[str]) -> None:
    StoredResource.objects.bulk_create(
        StoredResource(
            partition=filled.partition,
            type=kind,
            fhir_id=each,
            first_seq=1,
            stored_at=factories.NOW,
            source_hash=b"",
            content_hash=b"",
            pipeline_version=1,
            line=f"{kind}/{each}".encode(),
        )
        for each in ids
    )


@pytest.mark.parametrize("count", [CHUNK_ROWS - 1, CHUNK_ROWS, CHUNK_ROWS + 1, 2 * CHUNK_ROWS + 7])
def test_lines_come_patient_first_then_by_type_and_id_over_any_number_of_chunks(count: int) -> None:
    filled = Filled.make()
    # Ids that a language's collation would order otherwise.
    observations = [f"{'aB-c_Z.9'[n % 8]}{n:04d}" for n in range(count)]
    add_rows(filled, "Observation", observations)
    add_rows(filled, "Account", ["z", "Z", "-"])
    add_rows(filled, "Patient", ["me"])
    filled.seq = 1
    view = View(filled.partition.pk, 1)
    wanted = [("Patient", "me")]
    wanted += [("Account", each) for each in ("-", "Z", "z")]
    wanted += [("Observation", each) for each in sorted(observations)]
    found = list(view.lines())
    assert [(kind, pk) for kind, pk, _ in found] == wanted
    assert all(line == f"{kind}/{pk}".encode() for kind, pk, line in found)
    assert list(view.counts().items()) == [("Patient", 1), ("Account", 3), ("Observation", count)]


def test_no_view_before_the_first_sync_and_none_of_another_authorization() -> None:
    filled, other = Filled.make(), Filled.make()
    authorization = filled.partition.authorization
    authorization.current_seq = 0
    assert find_view(authorization) is None
    filled.stage([Resource("Patient", "me")])
    filled.close("Patient")
    authorization.current_seq = 1
    view = find_view(authorization)
    assert view is not None
    assert view.counts() == {"Patient": 1}
    assert View(other.partition.pk, 1).counts() == {}
    assert View(other.partition.pk, 1).line("Patient", filled.new_id("Patient", "me")) is None
