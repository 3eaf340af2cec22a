"""References turn local and external as their targets come and go, by id and by urn."""

from __future__ import annotations

import json

import pytest

from apps.records.models import ReferenceTarget, StoredResource
from apps.records.selectors import View

from .partitions import BASE, Filled, Resource

pytestmark = pytest.mark.django_db
SEEN = Resource("Observation", "o1", refs=("Practitioner/p1",))
DOCTOR = Resource("Practitioner", "p1")
ALL = ("Observation", "Practitioner")


def references(filled: Filled, source_id: str = "o1", seq: int | None = None) -> list[str]:
    view = View(filled.partition.pk, seq or filled.seq)
    line = view.line("Observation", filled.new_id("Observation", source_id))
    assert line is not None
    return [each["reference"] for each in json.loads(line)["basedOn"]]


@pytest.fixture
def filled() -> Filled:
    return Filled.make()


def test_a_target_that_is_missing_appears_and_vanishes_flips_every_reference(filled: Filled) -> None:
    local, external = f"Practitioner/{filled.new_id('Practitioner', 'p1')}", f"{BASE}/Practitioner/p1"
    filled.stage([SEEN])
    assert filled.close(*ALL).missing_references == 1
    assert references(filled) == [external]
    filled.stage([SEEN, DOCTOR])
    assert filled.close(*ALL).missing_references == 0
    assert references(filled) == [local]
    filled.stage([SEEN])
    assert filled.close(*ALL).missing_references == 1
    assert [references(filled, seq=seq) for seq in (1, 2, 3)] == [[external], [local], [external]]


def test_a_flip_leaves_the_hashes_so_that_the_next_refresh_writes_nothing(filled: Filled) -> None:
    filled.stage([SEEN])
    filled.close(*ALL)
    filled.stage([SEEN, DOCTOR])
    filled.close(*ALL)
    assert filled.stage([SEEN, DOCTOR]) == 0
    rows = StoredResource.objects.count()
    assert filled.close(*ALL).ended == 0
    assert StoredResource.objects.count() == rows


def test_a_target_of_a_type_that_broke_off_stays_local(filled: Filled) -> None:
    filled.stage([SEEN, DOCTOR])
    filled.close(*ALL)
    filled.stage([SEEN])
    filled.close("Observation")
    assert references(filled) == [f"Practitioner/{filled.new_id('Practitioner', 'p1')}"]


def test_a_text_that_looks_like_a_reference_is_left_alone(filled: Filled) -> None:
    text = f'"reference":"Practitioner/{filled.new_id("Practitioner", "p1")}"'
    filled.stage([Resource("Observation", "o1", content=text, refs=SEEN.refs)])
    filled.close(*ALL)
    line = View(filled.partition.pk, 1).line("Observation", filled.new_id("Observation", "o1"))
    assert line is not None
    assert json.loads(line)["note"][0]["text"] == text


def test_targets_are_kept_once_however_often_they_are_referred_to(filled: Filled) -> None:
    filled.stage([SEEN, Resource("Observation", "o2", refs=SEEN.refs)])
    filled.stage([Resource("Observation", "o3", refs=SEEN.refs)])
    filled.close(*ALL)
    assert ReferenceTarget.objects.filter(partition=filled.partition).count() == 1


URN, LATER_URN = "urn:uuid:0b0a1f9e-0000-4000-8000-000000000001", "urn:uuid:0b0a1f9e-0000-4000-8000-000000000002"
BY_URN = Resource("Observation", "o1", refs=(URN,))
BY_LATER_URN = Resource("Observation", "o1", refs=(LATER_URN,))


def test_a_reference_by_urn_is_local_where_its_resource_is_here_and_a_urn_where_it_is_gone(filled: Filled) -> None:
    filled.stage([BY_URN])
    filled.stage([DOCTOR], {URN: DOCTOR})
    filled.close(*ALL)
    assert references(filled) == [f"Practitioner/{filled.new_id('Practitioner', 'p1')}"]
    filled.stage([BY_URN])
    filled.close(*ALL)
    assert references(filled) == [URN]


def test_a_source_that_names_an_unchanged_resource_by_a_new_urn_is_followed(filled: Filled) -> None:
    filled.stage([BY_URN])
    filled.stage([DOCTOR], {URN: DOCTOR})
    filled.close(*ALL)
    other = Resource("Observation", "o2", refs=(URN,))
    filled.stage([BY_LATER_URN, other])
    filled.stage([DOCTOR], {LATER_URN: DOCTOR})
    filled.close(*ALL)
    local = f"Practitioner/{filled.new_id('Practitioner', 'p1')}"
    assert references(filled) == [local]
    assert references(filled, "o2") == [local], "the older urn still leads to it"


def test_a_urn_that_is_a_uri_or_inside_a_kept_bundle_is_left_as_it_is() -> None:
    urn = "urn:uuid:0c9d1f6e-0000-4000-8000-000000000001"
    filled = Filled.make()
    target = Resource("Observation", "o1")
    page = [
        target,
        Resource(
            "Immunization", "i1", more={"education": [{"reference": urn}], "reaction": [{"detail": {"reference": urn}}]}
        ),
        Resource(
            "Bundle",
            "b1",
            more={"signature": {"who": {"reference": urn}}, "entry": [{"resource": {"a": {"reference": urn}}}]},
        ),
    ]
    filled.stage(page, urns={urn: target})
    filled.close("Observation")
    local = f"Observation/{filled.new_id('Observation', 'o1')}"
    lines = {row.type: json.loads(bytes(row.line)) for row in StoredResource.objects.filter(partition=filled.partition)}
    assert lines["Immunization"]["education"] == [{"reference": urn}]
    assert lines["Immunization"]["reaction"] == [{"detail": {"reference": local}}]
    assert lines["Bundle"]["signature"] == {"who": {"reference": local}}
    assert lines["Bundle"]["entry"] == [{"resource": {"a": {"reference": urn}}}]
