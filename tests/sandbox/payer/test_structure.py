"""Generated records against the element tables of FHIR R4, where the public data sets are at hand."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from apps.sandbox.payer.generator.whole_record import generate
from apps.sandbox.payer.members import MEMBERS, Content, Member

from .r4_structure import Structures

pytestmark = pytest.mark.shared_data

PLANTED = {
    "ExplanationOfBenefit.provider: missing",
    "ExplanationOfBenefit.insurer: missing",
    "ExplanationOfBenefit.insurance: missing",
    "Claim.provider: missing",
    "Claim.priority: missing",
    "Coverage.payor: missing",
}


@pytest.fixture(scope="module")
def structures() -> Structures:
    return Structures(Path(os.environ["PUBLIC_DATA"]))


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.login)
def test_resources_follow_r4_but_for_the_planted_gaps(member: Member, structures: Structures) -> None:
    faults = Counter(
        fault
        for resource in generate(member, f"https://payer.example/{member.plan}/fhir")
        for fault in structures.faults(json.loads(resource.text))
    )
    assert set(faults) == (PLANTED if Content.ODDITIES in member.contents else set())
    assert all(count == 1 for count in faults.values())


def test_the_check_itself_sees_faults(structures: Structures) -> None:
    broken = {
        "resourceType": "Coverage",
        "status": ["active"],
        "colour": "red",
        "beneficiary": {"reference": "Observation/1"},
        "payor": [{"reference": "Organization/1", "identifier": [{}]}],
    }
    assert structures.faults(broken) == [
        "Coverage.status: list and single are mixed up",
        "Coverage.colour: unknown element",
        "Coverage.beneficiary: refers to a Observation",
        "Reference.identifier: list and single are mixed up",
    ]
