"""Search over HTTP: pages and links, remarks, refusals; what matches is the oracle's affair (tests/fhir_search)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from apps.audit.models import AuditEvent
from apps.records.models import Partition, ReferenceIndex, StoredResource, TokenIndex
from apps.records.services import index_outdated
from tests.fhir_search.oracle import Stored
from tests.fhir_search.product import Product, base_url

pytestmark = pytest.mark.django_db
CHANGED = dt.datetime(2026, 11, 21, 8, tzinfo=dt.UTC)


def made(number: int, **more: Any) -> Stored:
    resource = {"resourceType": "Condition", "id": f"c{number}", "subject": {"reference": "Patient/p"}, **more}
    return Stored("Condition", f"c{number}", resource, CHANGED, number)


PATIENT = Stored("Patient", "p", {"resourceType": "Patient", "id": "p", "gender": "female"}, CHANGED, 100)


@pytest.fixture
def product(settings: Settings) -> Product:
    settings.FHIR_PER_MINUTE = 10_000
    product = Product()
    product.load([*(made(number) for number in range(1, 8)), PATIENT])
    return product


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == "match"]


def links(bundle: dict[str, Any]) -> dict[str, str]:
    return {each["relation"]: each["url"] for each in bundle["link"]}


def test_links_of_a_page_carry_the_callers_own_parameters(product: Product) -> None:
    _, bundle = product.search("Condition", "_count=3&_offset=3")
    assert ids(bundle) == ["c4", "c5", "c6"]
    url = f"{base_url()}/Condition?_count=3"
    assert links(bundle) == {
        "self": f"{url}&_offset=3", "first": f"{url}&_offset=0",
        "previous": f"{url}&_offset=0", "next": f"{url}&_offset=6",
    }  # fmt: skip
    _, last = product.search("Condition", "_count=3&_offset=6")
    assert (ids(last), "next" in links(last)) == (["c7"], False)
    assert "total" not in last


def test_a_total_is_given_when_asked_for_also_behind_the_last_page(product: Product) -> None:
    assert product.search("Condition", "_total=accurate&_count=2")[1]["total"] == 7
    assert product.search("Condition", "_total=estimate&_offset=50")[1]["total"] == 7
    for query in ("_summary=count", "_count=0"):
        bundle = product.search("Condition", query)[1]
        assert (bundle["total"], "entry" in bundle) == (7, False)


def test_a_search_by_post_is_the_same_search(product: Product) -> None:
    response = product.client.post(
        "/fhir/Condition/_search?_count=2", "subject=Patient/p&_offset=2",
        content_type="application/x-www-form-urlencoded", headers=product.headers,
    )  # fmt: skip
    assert ids(response.json()) == ["c3", "c4"]
    refused = product.client.post(
        "/fhir/Condition/_search", "{}", content_type="application/json", headers=product.headers
    )
    assert refused.status_code == 415
    assert product.client.post("/fhir/Condition", headers=product.headers).status_code == 405
    assert product.client.get("/fhir/Condition/_search", headers=product.headers).status_code == 405


@pytest.mark.parametrize("query", ["patient=$PATIENT_ID", "patient=%24PATIENT_ID", "subject=Patient/$PATIENT_ID"])
def test_the_wildcard_stands_for_the_tokens_patient_in_values(product: Product, query: str) -> None:
    patient = str(product.authorization.destination_patient_id)
    product.load([made(1, subject={"reference": f"Patient/{patient}"}), made(2)])
    assert ids(product.search("Condition", query)[1]) == ["c1"]


def test_an_unknown_parameter_is_ignored_aloud_or_refused_as_the_client_prefers(product: Product) -> None:
    status, bundle = product.search("Condition", "colour=red&_count=1")
    assert (status, ids(bundle)) == (200, ["c1"])
    assert "colour" not in links(bundle)["self"]
    (remark,) = [entry for entry in bundle["entry"] if entry["search"]["mode"] == "outcome"]
    assert remark["resource"]["issue"][0]["severity"] == "warning"
    assert "colour" in remark["resource"]["issue"][0]["details"]["text"]
    status, outcome = product.search("Condition", "colour=red", Prefer="handling=strict")
    assert (status, outcome["issue"][0]["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    "query",
    ["code:in=http://x", "code:below=a", "onset-date:exact=2020", "onset-date=zz2020", "onset-date=2020-13-45",
     "subject:Device=1", "subject.name.given=x", "nothing.name=x", "_has:Observation:nothing:code=x", "_sort=colour",
     "_sort=-nothing", "_include=Condition:code", "_include=Nonsense:subject", "_include=Condition:subject:a:b",
     "_count=-1", "_count=many", "_offset=-1", "_total=some", "_summary=perhaps", "code=", "code=a,,b",
     "code:missing=2",
     "_id:exact=c1", "_count=1&_count=2", "code=|", "patient.organization.partof.partof.name=x",
     "_compartment=Device/1", "subject=%23inside"],
)  # fmt: skip
@pytest.mark.parametrize("preference", ["handling=lenient", "handling=strict"])
def test_what_is_known_and_not_supported_or_not_well_formed_is_refused(
    product: Product, query: str, preference: str
) -> None:
    status, outcome = product.search("Condition", query, Prefer=preference)
    assert (status, outcome["resourceType"]) == (400, "OperationOutcome"), outcome


def test_included_resources_are_no_matches_and_come_once(product: Product) -> None:
    _, bundle = product.search("Condition", "_include=Condition:subject&_include=Condition:patient&_total=accurate")
    assert (len(ids(bundle)), bundle["total"]) == (7, 7)
    assert [entry["resource"]["id"] for entry in bundle["entry"] if entry["search"]["mode"] == "include"] == ["p"]
    _, reverse = product.search("Patient", "_revinclude=Condition:subject")
    assert len(reverse["entry"]) == 8


def test_elements_and_summaries_say_that_they_are_not_all(product: Product) -> None:
    product.load([made(1, note=[{"text": "long"}], recordedDate="2026")])
    for query, is_there in (("_elements=recordedDate", True), ("_summary=true", True), ("_summary=text", False)):
        (entry,) = product.search("Condition", query)[1]["entry"]
        assert "note" not in entry["resource"]
        assert ("recordedDate" in entry["resource"]) is is_there
        assert entry["resource"]["meta"]["tag"][-1]["code"] == "SUBSETTED"
    assert "note" in product.search("Condition", "")[1]["entry"][0]["resource"]


def test_every_search_is_in_the_audit_log_with_what_it_showed(product: Product) -> None:
    before = AuditEvent.objects.filter(action="record.searched").count()
    product.search("Condition", "_count=2&_include=Condition:subject")
    events = AuditEvent.objects.filter(action="record.searched")
    assert (events.count(), events.latest("id").detail["count"]) == (before + 1, 3)


def test_own_tags_of_the_partition_are_found_on_every_resource_of_it(product: Product, settings: Settings) -> None:
    system = f"{settings.TAG_BASE}ApplicationId"
    product.load([made(number, meta={"tag": [{"system": system, "code": "App-1"}]}) for number in (1, 2)])
    assert ids(product.search("Condition", f"_tag={system}|app-1")[1]) == ["c1", "c2"]
    assert ids(product.search("Condition", f"_tag:not={system}|app-1")[1]) == []
    assert ids(product.search("Condition", f"_tag={system}|app-2")[1]) == []


def test_a_partition_that_another_extractor_indexed_is_429_until_it_is_indexed_anew(product: Product) -> None:
    before = product.search("Condition", "subject=Patient/p")[1]["entry"]
    Partition.objects.update(indexed_by=0)
    TokenIndex.objects.all()._raw_delete("default")
    ReferenceIndex.objects.all()._raw_delete("default")
    status, outcome = product.search("Condition", "")
    assert (status, outcome["issue"][0]["code"]) == (429, "transient")
    assert (index_outdated(), index_outdated()) == (1, 0)
    assert product.search("Condition", "subject=Patient/p")[1]["entry"] == before


def test_the_parts_of_a_composite_belong_to_one_component(product: Product) -> None:
    def component(code: str, value: int) -> dict[str, Any]:
        return {"code": {"coding": [{"code": code}]}, "valueQuantity": {"value": value, "code": "mm"}}

    resource = {"resourceType": "Observation", "id": "o", "component": [component("a", 1), component("b", 2)]}
    product.load([Stored("Observation", "o", resource, CHANGED, 1)])
    found = {asked: ids(product.search("Observation", f"component-code-value-quantity={asked}")[1])
             for asked in ("a$1", "b$2", "a$2", "b$gt1", "a$gt1||mm", "a$lt2||mm,z$1")}  # fmt: skip
    assert found == {"a$1": ["o"], "b$2": ["o"], "a$2": [], "b$gt1": ["o"], "a$gt1||mm": [], "a$lt2||mm,z$1": ["o"]}


def test_a_number_that_no_arithmetic_holds_hides_nothing_else(product: Product) -> None:
    known = b'{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/p"}'
    StoredResource.objects.filter(fhir_id="c1").update(line=known + b',"onsetAge":{"value":1e99999999999999999999}}')
    Partition.objects.update(indexed_by=0)
    assert index_outdated() == 1
    asked = "/fhir/Condition?subject=Patient/p&_include=Condition:subject"
    response = product.client.get(asked, headers=product.headers)
    assert response.status_code == 200
    assert b'"id":"c1"' in response.content
    assert b'"include"' in response.content
