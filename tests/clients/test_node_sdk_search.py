"""Search and read through the published Node SDK: all that it declares for its 23 types. Source: wire contract 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from tests.authorizations.journey import exchange, sign_in
from tests.flows import world
from tests.flows.world import Team

from .node import run_node

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
LOGIN = "patient7@flexpa.com"  # resources of 25 types
# Declared by the SDK and not "found", but how, and why.
OTHERWISE = {
    "near": ("ignored", "of kind special: distances are not kept; the answer says that it was ignored"),
    "priority-order": ("ignored", "another server's own parameter: FHIR R4 has none of this name"),
}
Queries = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def token(team: Team, payer_url: str, settings: Settings) -> str:
    settings.FHIR_PER_MINUTE = 10_000
    issued = exchange(team, sign_in(team, payer_url, login=LOGIN), now=timezone.now())
    world.sync(issued.authorization)
    return issued.access_token


@pytest.fixture
def everything(token: str, public_url: str) -> dict[str, list[dict[str, Any]]]:
    """What the patient has, by type."""
    answer = httpx.get(
        f"{public_url}/fhir/Patient/$PATIENT_ID/$everything",
        headers={"authorization": f"Bearer {token}"}, trust_env=False,
    )  # fmt: skip
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in answer.json()["entry"]:
        found.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    return found


def asked_of(everything: dict[str, list[dict[str, Any]]]) -> dict[str, Queries]:
    """Queries by what is asked, in the SDK's way: arrays repeat the key, pages are asked for one by one."""
    claim, observation = everything["ExplanationOfBenefit"][0], everything["Observation"][0]
    code = observation["code"]["coding"][0]
    patient = everything["Patient"][0]["id"]
    pages = range(0, len(everything["Observation"]) + 1, 20)
    return {
        "own": [(kind, {"_id": found[0]["id"]}) for kind, found in everything.items()],
        "pages": [("Observation", {"patient": "$PATIENT_ID", "_count": "20", "_offset": str(at)}) for at in pages],
        "code": [("Observation", {"code": f"{code['system']}|{code['code']}", "_count": "1000"})],
        "between": [("Observation", {"date": ["ge2020-01-01", "lt2022-01-01"], "_sort": "-date", "_count": "1000"})],
        "with provider and coverage": [("ExplanationOfBenefit", {
            "_id": claim["id"], "_include": ["ExplanationOfBenefit:provider", "ExplanationOfBenefit:coverage"],
        })],
        "by patient": [("ExplanationOfBenefit", {"patient": each, "_total": "accurate", "_summary": "count"})
                       for each in ("$PATIENT_ID", patient, f"Patient/{patient}")],
        "of another": [("ExplanationOfBenefit", {"patient": f"{patient[:-4]}0000"})],
    }  # fmt: skip


def ids(bundles: list[dict[str, Any]]) -> list[str]:
    return [each["resource"]["id"] for bundle in bundles for each in bundle.get("entry", [])]


def test_the_sdk_searches_and_reads_all_that_its_types_offer(
    token: str, everything: dict[str, list[dict[str, Any]]], modules: Path, public_url: str
) -> None:
    asked = asked_of(everything)
    queries = [query for group in asked.values() for query in group]
    given = {"base": public_url, "token": token, "queries": queries}
    told = run_node("sdk_search.cjs", modules=modules, given=given, meanwhile=lambda: None)

    # Every declared parameter and include of every type is answered by a searchset, or is named above.
    offered = told["offered"]
    assert (len(offered), len({name for each in offered.values() for name in each["names"]})) == (23, 204)
    assert {(each["bare"], each["included"]) for each in offered.values()} == {("found", "found")}
    odd = {name: how for each in offered.values() for name, how in each.get("each", {}).items() if how != "found"}
    assert odd == {name: how for name, (how, _) in OTHERWISE.items()}
    assert all(set(each["names"]) & set(OTHERWISE) for each in offered.values() if each["all"] != "found")

    bundles = iter(told["bundles"])
    found = {what: [next(bundles) for _ in group] for what, group in asked.items()}
    check_matches(found, everything)
    assert len(told["reads"]) > len(everything)
    assert [each for each, read in told["reads"] if read != each] == []


def check_matches(found: dict[str, list[dict[str, Any]]], everything: dict[str, list[dict[str, Any]]]) -> None:
    """Hold what was found against all that the patient has."""
    observations = everything["Observation"]
    assert ids(found["own"]) == [each[0]["id"] for each in everything.values()]
    paged = ids(found["pages"])
    assert (len(paged), set(paged)) == (len(observations), {each["id"] for each in observations})
    (coded,), first = found["code"], observations[0]["code"]["coding"][0]
    same = [each for each in observations
            if any((coding.get("system"), coding["code"]) == (first["system"], first["code"])
                   for coding in each["code"].get("coding", []))]  # fmt: skip
    assert set(ids([coded])) == {each["id"] for each in same}
    days = [each["resource"]["effectiveDateTime"][:10] for each in found["between"][0].get("entry", [])]
    in_those = [each for each in observations if "2020" <= each.get("effectiveDateTime", "")[:4] < "2022"]
    assert (len(days), days) == (len(in_those), sorted(days, reverse=True))
    (claim,) = found["with provider and coverage"]
    modes = [(each["resource"]["resourceType"], each["search"]["mode"]) for each in claim["entry"]]
    assert modes[0] == ("ExplanationOfBenefit", "match")
    assert {kind for kind, mode in modes if mode == "include"} >= {"Coverage"}
    claims = len(everything["ExplanationOfBenefit"])
    assert [(each["total"], "entry" in each) for each in found["by patient"]] == [(claims, False)] * 3
    assert "entry" not in found["of another"][0]
