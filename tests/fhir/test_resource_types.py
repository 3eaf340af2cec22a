"""The lists agree with one another."""

from __future__ import annotations

from apps.fhir.resource_types import (
    ALL_R4_TYPES,
    PATIENT_COMPARTMENT_TYPES,
    SUPPORT_TYPES,
    SUPPORTED_TYPES,
)


def test_lists_have_the_sizes_of_their_sources_and_no_repetition() -> None:
    for types, size in ((SUPPORTED_TYPES, 23), (PATIENT_COMPARTMENT_TYPES, 66), (ALL_R4_TYPES, 146)):
        assert len(types) == len(set(types)) == size


def test_supported_types_are_in_the_compartment_or_support_it() -> None:
    assert set(SUPPORTED_TYPES) <= {*PATIENT_COMPARTMENT_TYPES, *SUPPORT_TYPES} <= set(ALL_R4_TYPES)
    assert not set(SUPPORT_TYPES) & set(PATIENT_COMPARTMENT_TYPES)
