"""The thirty members together: how many hold what, as design and rulings (I1.3) ask."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any
from xml.etree import ElementTree

import pytest

from apps.sandbox.payer.capability import COMPARTMENT_TYPES, READABLE_TYPES, SEARCH_PARAMETERS
from apps.sandbox.payer.generator.oddity_table import ODDITIES
from apps.sandbox.payer.generator.record import Resource
from apps.sandbox.payer.generator.whole_record import generate
from apps.sandbox.payer.members import MEMBERS, Member
from apps.sandbox.payer.plans import PLANS

from .browser import Browser

# The types that our own sync names in its answers (wire contract, section 1), and what this payer has beside.
SYNCED_TYPES = {
    "AllergyIntolerance", "CarePlan", "CareTeam", "Condition", "Coverage", "Device", "DiagnosticReport",
    "DocumentReference", "Encounter", "ExplanationOfBenefit", "Goal", "Immunization", "Location", "Medication",
    "MedicationDispense", "MedicationRequest", "Observation", "Organization", "Patient", "Practitioner",
    "PractitionerRole", "Procedure", "Provenance",
}  # fmt: skip
OTHER_TYPES = {"Claim", "QuestionnaireResponse", "RelatedPerson"}

# What the design (FHIR engine, sections 3, 7 and 8) names as breaking pipelines: each has its place in the table.
NAMED_BY_THE_DESIGN = (
    "decimal with trailing zeros", "decimal with exponent", "decimal with negative exponent", "integer over 64 bits",
    "minus zero", "decimal beyond doubles", "escapes", "urn:uuid reference", "absolute reference to own base",
    "absolute reference to a foreign base", "contained resources", "versioned reference", "conditional reference",
    "reference inside an extension", "Attachment.url", "reference to nothing", "type without identifier",
    "identifier that is one object", "meta.tag of the payer", "EOB without provider", "Coverage without payor",
    "date on 29 February", "leap second", "fraction of nine digits", "year 9999", "period without start",
    "period without end", "performed as text", "effective as Timing", "time without zone", "code as text only",
    "quantity with comparator", "entered in error", "refuted allergy", "death to the month",
    "Patient.link of the payer", "C-CDA inline", "C-CDA linked",
)  # fmt: skip


@cache
def record_of(member: Member) -> tuple[Resource, ...]:
    return generate(member, f"https://payer.example/{member.plan}/fhir")


def of_type(member: Member, type_: str) -> list[dict[str, Any]]:
    return [json.loads(one.text) for one in record_of(member) if one.type == type_]


def test_thirty_members_are_spread_over_the_plans() -> None:
    assert len(MEMBERS) == 30
    assert Counter(member.plan for member in MEMBERS) == dict.fromkeys(PLANS, 10)
    assert len({member.login.lower() for member in MEMBERS}) == 30
    assert len({member.patient_id for member in MEMBERS}) == 30


def test_each_type_is_in_at_least_five_records() -> None:
    counts = Counter(type_ for member in MEMBERS for type_ in {one.type for one in record_of(member)})
    assert set(SEARCH_PARAMETERS) == SYNCED_TYPES | OTHER_TYPES
    assert set(counts) == set(READABLE_TYPES)
    assert [type_ for type_ in SEARCH_PARAMETERS if counts[type_] < 5] == []


def test_sizes_range_from_a_handful_to_five_thousand() -> None:
    sizes = sorted(len(record_of(member)) for member in MEMBERS)
    assert sum(size > 2000 for size in sizes) >= 3
    assert sizes[-1] >= 5000
    for low, high in ((1, 5), (25, 40), (50, 100), (100, 200), (270, 330), (600, 700), (1000, 2000)):
        assert any(low <= size <= high for size in sizes), (low, high)


@pytest.mark.parametrize("name", NAMED_BY_THE_DESIGN)
def test_each_oddity_of_the_design_stands_in_some_record(name: str) -> None:
    oddity = ODDITIES[name]
    member = next(one for one in MEMBERS if one.login == oddity.login)
    assert [one for one in record_of(member) if one.reference == oddity.reference and oddity.shows(one.text)]


def test_one_person_is_known_at_three_plans_with_plausible_differences() -> None:
    memberships = defaultdict(list)
    for member in MEMBERS:
        memberships[member.person.identity].append(member)
    counts = Counter(len({one.plan for one in same}) for same in memberships.values())
    assert counts[3] >= 1
    assert counts[2] >= 2
    same = next(same for same in memberships.values() if len({one.plan for one in same}) == 3)
    patients = [of_type(member, "Patient")[0] for member in same]
    assert len({(one["birthDate"], one["gender"]) for one in patients}) == 1
    for element in ("name", "address", "telecom"):
        assert len({json.dumps(one[element]) for one in patients}) == 2, element
    assert len({(one["identifier"][0]["system"], one["identifier"][0]["value"]) for one in patients}) == 3


def test_one_member_has_nothing_but_patient_and_coverage() -> None:
    bare = [
        {one.type for one in record_of(member)}
        for member in MEMBERS
        if not {one.type for one in record_of(member)} & set(COMPARTMENT_TYPES) - {"Coverage"}
    ]
    assert bare == [{"Patient", "Coverage", "Organization"}]


def test_children_and_the_very_old_have_somebody_who_acts_for_them() -> None:
    acting = {member.login: of_type(member, "RelatedPerson") for member in MEMBERS if of_type(member, "RelatedPerson")}
    born = {member.login: member.person.birth_date for member in MEMBERS}
    roles = {people[0]["relationship"][0]["coding"][0]["code"] for people in acting.values()}
    assert {"PRN", "FTH", "GUARD", "POWATT"} <= roles
    assert min(born[login] for login in acting) < "1942"
    assert max(born[login] for login in acting) > "2026"
    for login, people in acting.items():
        patient = next(member.patient_id for member in MEMBERS if member.login == login)
        assert [one["patient"] for one in people] == [{"reference": f"Patient/{patient}"}]


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.login)
def test_nothing_happened_before_birth(member: Member) -> None:
    visits = [visit["period"]["start"][:10] for visit in of_type(member, "Encounter") if "period" in visit]
    assert min(visits, default="9999") >= member.person.birth_date


def test_names_come_in_many_scripts() -> None:
    texts = "".join(f"{member.person.name}{member.person.other_name}" for member in MEMBERS)
    for script in ("김", "林", "Γ", "ส", "स", "И", "ل", "י", "ñ", "🎈"):
        assert script in texts, script
    first = [member.person.family for member in MEMBERS]
    assert sum(not any("a" <= letter.lower() <= "z" for letter in family) for family in first) >= 4


# -- C-CDA ----------------------------------------------------------------------------------------------

V3 = "{urn:hl7-org:v3}"


def documents() -> Iterator[tuple[Member, str, bytes]]:
    """List every C-CDA document with its member and the way in which it comes."""
    for member in MEMBERS:
        binaries = {one["id"]: one for one in of_type(member, "Binary")}
        for reference in of_type(member, "DocumentReference"):
            attachment = reference["content"][0]["attachment"]
            if attachment["contentType"] != "application/xml":
                continue
            if "data" in attachment:
                yield member, "inline", base64.b64decode(attachment["data"])
            else:
                yield member, "linked", base64.b64decode(binaries[attachment["url"].rpartition("/")[2]]["data"])


def test_ccda_documents_come_inline_and_linked_from_two_members_each() -> None:
    ways = Counter(way for _, way, _ in documents())
    assert ways == {"inline": 2, "linked": 3}


def test_ccda_documents_are_whole_and_about_their_member() -> None:
    for member, _, content in documents():
        root = ElementTree.fromstring(content)
        assert root.tag == f"{V3}ClinicalDocument"
        templates = {one.get("root") for one in root.findall(f"{V3}templateId")}
        assert templates == {"2.16.840.1.113883.10.20.22.1.1", "2.16.840.1.113883.10.20.22.1.2"}
        patient = root.find(f"{V3}recordTarget/{V3}patientRole/{V3}patient")
        assert patient is not None
        assert patient.findtext(f"{V3}name/{V3}family") == member.person.family
        for part in ("author", "custodian", "documentationOf"):
            assert root.find(f"{V3}{part}") is not None, part
        sections = root.findall(f"{V3}component/{V3}structuredBody/{V3}component/{V3}section")
        codes = []
        for section in sections:
            code = section.find(f"{V3}code")
            assert code is not None
            codes.append(code.get("code"))
            rows = section.findall(f"{V3}text/{V3}table/{V3}tbody/{V3}tr")
            assert len(rows) == len(section.findall(f"{V3}entry")) > 0
        assert codes == ["11450-4", "48765-2", "10160-0", "30954-2"]


# -- cost and pages -------------------------------------------------------------------------------------


def test_importing_the_payer_generates_nothing() -> None:
    program = """
import random
made = []
random.Random.__init__ = lambda self, seed=None, init=random.Random.__init__: (made.append(seed), init(self, seed))[1]
import apps.sandbox.payer.server
from apps.sandbox.payer.records import Records
Records("https://payer.example")
print([one for one in made if "record-relay" in str(one)])
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert result.stdout == "[]\n"


def test_acme_lists_ten_members_to_pick_and_any_can_be_picked(acme: Browser) -> None:
    page = acme.authorize().text
    assert page.count('type="radio"') == 10
    assert "<bdi>สมชาย ทองดี</bdi> (<bdi>Somchai Thongdee</bdi>), born 1969-11-11" in page
    for number in (1, 9, 10):
        assert f'value="acme-{number}"' in page
        assert acme.connect(f"acme-{number}").patient == f"acme-m-{number}"


def test_bare_member_can_be_walked_to_the_end(foomedical: Browser) -> None:
    reader = foomedical.connect("patient6@flexpa.com", "examplepatient")
    assert len(reader.references("Patient/foo-6/$everything")) == 3
    for type_ in COMPARTMENT_TYPES:
        assert len(reader.references(f"{type_}?patient=foo-6")) == (type_ == "Coverage")
