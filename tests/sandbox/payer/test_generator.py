"""The generated records: the same bytes everywhere, sizes, types, oddities, references that resolve."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from apps.sandbox.payer.capability import COMPARTMENT_TYPES, SUPPORT_TYPES
from apps.sandbox.payer.generator.directory import npi
from apps.sandbox.payer.generator.oddities import UNRESOLVED
from apps.sandbox.payer.generator.oddity_table import ODDITIES, Oddity
from apps.sandbox.payer.generator.record import Resource
from apps.sandbox.payer.generator.whole_record import generate
from apps.sandbox.payer.members import MEMBERS, Content, Member, find_member
from apps.sandbox.payer.plans import PLANS

BASE = "https://payer.example"
_PATIENT_TYPES = {"Patient", *COMPARTMENT_TYPES}
_DIGEST_PROGRAM = """
import hashlib
from apps.sandbox.payer.generator.whole_record import generate
from apps.sandbox.payer.members import MEMBERS
digest = hashlib.sha256()
for member in MEMBERS:
    for resource in generate(member, "https://payer.example/" + member.plan + "/fhir"):
        digest.update(resource.reference.encode() + (resource.full_url or "").encode() + resource.text)
print(digest.hexdigest())
"""
every_member = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.login)


@cache
def record_of(login: str) -> tuple[Resource, ...]:
    member = find_member(login)
    assert member
    return generate(member, f"{BASE}/{member.plan}/fhir")


@cache
def values_of(login: str) -> dict[str, dict[str, Any]]:
    return {resource.reference: json.loads(resource.text) for resource in record_of(login)}


@cache
def full_urls_of(login: str) -> dict[str, str]:
    return {one.full_url: one.reference for one in record_of(login) if one.full_url}


def references_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from references_in(inner)


def resolve(reference: str, member: Member, holder: dict[str, Any]) -> str | None:
    """Find what a reference text stands for, by a reading of our own of FHIR's kinds of reference."""
    if reference.startswith("#"):
        contained = {f"#{one['id']}" for one in holder.get("contained", [])}
        return reference if reference in contained else None
    if reference in full_urls_of(member.login):
        return full_urls_of(member.login)[reference]
    local = reference.removeprefix(f"{BASE}/{member.plan}/fhir/")
    if "?identifier=" in local:
        type_, _, token = local.partition("?identifier=")
        system, _, value = token.partition("|")
        found = [
            key
            for key, one in values_of(member.login).items()
            if one["resourceType"] == type_ and {"system": system, "value": value} in one["identifier"]
        ]
        return found[0] if len(found) == 1 else None
    local = re.sub("/_history/[^/]+$", "", local)
    return local if local in values_of(member.login) else None


def test_two_processes_with_different_hash_seeds_generate_the_same_bytes() -> None:
    digests = [
        subprocess.run(
            [sys.executable, "-c", _DIGEST_PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Pacific/Auckland"))
    ]
    assert len(digests[0].strip()) == 64
    assert digests[0] == digests[1]


@pytest.mark.parametrize("name", ODDITIES)
def test_each_oddity_is_where_the_table_says(name: str) -> None:
    oddity: Oddity = ODDITIES[name]
    found = [one for one in record_of(oddity.login) if one.reference == oddity.reference]
    assert len(found) == 1
    assert oddity.shows(found[0].text)


@pytest.mark.parametrize("name", [name for name, oddity in ODDITIES.items() if "odd" in oddity.reference])
def test_each_planted_oddity_is_not_just_everywhere(name: str) -> None:
    oddity = ODDITIES[name]
    type_ = oddity.reference.split("/")[0]
    others = [one for one in record_of("patient3@flexpa.com") if one.type == type_]
    if name not in ("type without identifier", "identifier that is one object", "id in two types, other"):
        assert not all(oddity.shows(one.text) for one in others)


@every_member
def test_record_has_its_size_to_within_a_visit(member: Member) -> None:
    assert 0 <= len(record_of(member.login)) - member.size <= 30


def test_contents_of_the_published_logins() -> None:
    claims_only = {one.type for one in record_of("patient1@flexpa.com")} & set(COMPARTMENT_TYPES)
    assert claims_only == {"Coverage", "ExplanationOfBenefit"}
    medicare = values_of("patient31@flexpa.com").values()
    plans = {one["class"][1]["name"] for one in medicare if one["resourceType"] == "Coverage"}
    assert plans == {"Medicare Part A", "Medicare Part B", "Medicare Part D"}
    kinds = {
        one["type"]["text"]
        for one in values_of("patient30@flexpa.com").values()
        if one["resourceType"] == "ExplanationOfBenefit"
    }
    assert kinds == {"Professional", "Institutional", "Pharmacy"}


@every_member
def test_every_reference_resolves_but_the_planted_ones(member: Member) -> None:
    unresolved = {
        reference
        for value in values_of(member.login).values()
        for reference in references_in(value)
        if resolve(reference, member, value) is None
    }
    assert unresolved == (UNRESOLVED if Content.ODDITIES in member.contents else set())


@every_member
def test_every_support_resource_is_referred_to(member: Member) -> None:
    referred = {
        resolve(reference, member, value)
        for value in values_of(member.login).values()
        for reference in references_in(value)
    }
    support = {one.reference for one in record_of(member.login) if one.type in SUPPORT_TYPES}
    assert support <= referred


@every_member
def test_every_patient_resource_names_its_patient_and_no_other(member: Member) -> None:
    patient = f"Patient/{member.patient_id}"
    for reference, value in values_of(member.login).items():
        patients = {one for one in references_in(value) if one.startswith("Patient/")}
        assert patients <= {patient}
        if value["resourceType"] in _PATIENT_TYPES - {"Patient", "Provenance"}:
            assert patients, reference


@every_member
def test_every_resource_has_a_valid_id_and_meta(member: Member) -> None:
    for reference, value in values_of(member.login).items():
        assert re.fullmatch("[A-Za-z0-9.-]{1,64}", value["id"])
        assert reference == f"{value['resourceType']}/{value['id']}"
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value["meta"]["lastUpdated"])
        assert value["meta"]["versionId"] == "1"


@pytest.mark.parametrize("plan", PLANS)
def test_patient_resources_of_two_members_share_no_id(plan: str) -> None:
    seen: set[str] = set()
    texts: dict[str, bytes] = {}
    for member in (one for one in MEMBERS if one.plan == plan):
        mine = {one.reference for one in record_of(member.login) if one.type in _PATIENT_TYPES}
        assert not seen & mine
        seen |= mine
        for one in record_of(member.login):
            if one.type in SUPPORT_TYPES:
                shared = json.loads(one.text) | {"meta": None}
                assert texts.setdefault(one.reference, hash_of(shared)) == hash_of(shared)


def hash_of(value: dict[str, Any]) -> bytes:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()


@pytest.mark.parametrize("serial", range(0, 10_000, 997))
def test_npi_passes_the_luhn_check_of_the_card_number_80840(serial: int) -> None:
    digits = [int(digit) for digit in reversed("80840" + npi(serial))]
    total = sum(digits[0::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    assert len(npi(serial)) == 10
    assert total % 10 == 0
