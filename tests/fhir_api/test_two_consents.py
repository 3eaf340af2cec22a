"""Two consents, every route, both tokens: what is the other one's is 404 or not there."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import get_resolver
from pytest_django.fixtures import Settings

from apps.authorizations.models import PatientAuthorization
from apps.fhir_api import urls
from apps.records.selectors import View, find_view
from tests.flows import world

from .test_reading import Reader

pytestmark = pytest.mark.django_db(transaction=True)


class Side:
    """One consent: what its partition holds, and a program with its token."""

    def __init__(self, authorization: PatientAuthorization) -> None:
        assert world.sync(authorization).state == "COMPLETED"
        view = find_view(authorization)
        assert isinstance(view, View)
        self.patient = str(authorization.destination_patient_id)
        self.authorization = authorization
        self.keys = {(kind, fhir_id) for _, kind, fhir_id in view.addresses()}
        self.reader = Reader(authorization)


@pytest.fixture
def sides(payer_url: str, settings: Settings) -> tuple[Side, Side]:
    settings.FHIR_PER_MINUTE = 10_000
    one = world.link_member(world.make_team(), "patient1@flexpa.com", payer_url=payer_url)
    two = world.link_member(world.make_team("zeta"), "HUser00004", payer_url=payer_url)
    return Side(one), Side(two)


def keys_of(bundle: dict[str, Any]) -> set[tuple[str, str]]:
    resources = [entry["resource"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] != "outcome"]
    return {(each["resourceType"], each["id"]) for each in resources}


def test_every_route_is_here() -> None:
    """A new route has to be walked below."""
    assert {pattern.name for pattern in urls.urlpatterns} == {
        "fhir-metadata", "fhir-everything", "fhir-expunge", "fhir-job-status", "fhir-search", "fhir-search-post",
        "fhir-read", "fhir-other",
    }  # fmt: skip
    assert get_resolver("apps.fhir_api.urls").url_patterns == urls.urlpatterns


@pytest.mark.parametrize("way", [0, 1])
def test_nothing_of_the_other_consent_is_read(sides: tuple[Side, Side], way: int) -> None:
    mine, other = sides[way], sides[1 - way]
    reader = mine.reader
    assert mine.keys.isdisjoint(other.keys)
    for kind, fhir_id in sorted(other.keys):
        assert reader.get(f"{kind}/{fhir_id}")[0] == 404
    for kind in sorted({kind for kind, _ in other.keys | mine.keys}):
        every = {key for key in mine.keys if key[0] == kind}
        assert keys_of(reader.get(f"{kind}?_count=1000")[1]) == every
        strangers = ",".join(fhir_id for of, fhir_id in sorted(other.keys) if of == kind)
        for query in (f"_id={strangers}", f"_id={strangers}&_include=*&_total=accurate"):
            bundle = reader.get(f"{kind}?{query}")[1]
            assert (keys_of(bundle), bundle.get("total", 0)) == (set(), 0)
        posted = reader.client.post(
            f"/fhir/{kind}/_search", f"_id={strangers}&_count=1000",
            content_type="application/x-www-form-urlencoded", headers=reader.headers,
        )  # fmt: skip
        assert keys_of(posted.json()) == set()
    for query in (
        f"patient={other.patient}", f"patient=Patient/{other.patient}", f"patient._id={other.patient}",
        f"_compartment=Patient/{other.patient}",
    ):  # fmt: skip
        assert keys_of(reader.get(f"ExplanationOfBenefit?{query}")[1]) == set()
    coverage = next(fhir_id for kind, fhir_id in sorted(other.keys) if kind == "Coverage")
    assert keys_of(reader.get(f"Patient?_has:Coverage:patient:_id={coverage}")[1]) == set()
    included = reader.get("Patient?_revinclude=Coverage:patient&_revinclude=ExplanationOfBenefit:patient")[1]
    assert keys_of(included) <= mine.keys
    tag = f"https://fhir.flexpa.com/identifiers/PatientAuthorizationId|{other.authorization.pk}"
    assert keys_of(reader.get(f"Patient?_tag={tag}")[1]) == set()


@pytest.mark.parametrize("way", [0, 1])
def test_no_operation_reaches_the_other_consent(sides: tuple[Side, Side], way: int) -> None:
    mine, other = sides[way], sides[1 - way]
    assert mine.reader.get(f"Patient/{other.patient}/$everything")[0] == 404
    assert keys_of(mine.reader.get("Patient/$PATIENT_ID/$everything")[1]) == mine.keys
    expunge = f"/fhir/Patient/{other.patient}/$expunge"
    assert mine.reader.client.post(expunge, headers=mine.reader.headers).status_code == 404
    assert keys_of(other.reader.get("Patient/$PATIENT_ID/$everything")[1]) == other.keys
    assert other.reader.client.post(expunge, headers=other.reader.headers).status_code == 202
    assert mine.reader.get(f"job/{other.authorization.pk}/status")[0] == 404
    assert keys_of(mine.reader.get("Patient/$PATIENT_ID/$everything")[1]) == mine.keys
