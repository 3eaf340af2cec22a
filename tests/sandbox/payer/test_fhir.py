"""Search, paging, reads and refusals of the FHIR side, over real HTTP."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from apps.sandbox.payer.capability import COMPARTMENT_TYPES, SEARCH_PARAMETERS, SUPPORT_TYPES
from apps.sandbox.payer.generator.oddities import VISIT_URN
from apps.sandbox.payer.generator.whole_record import generate
from apps.sandbox.payer.members import find_member
from apps.sandbox.payer.server import LocalPayer

from .browser import Browser, Reader

LOGIN, PASSWORD = "patient2@flexpa.com", "examplepatient"


@pytest.fixture
def reader(foomedical: Browser) -> Reader:
    return foomedical.connect(LOGIN, PASSWORD)


def generated_references(payer: LocalPayer, login: str) -> list[str]:
    member = find_member(login)
    assert member
    return [one.reference for one in generate(member, f"{payer.url}/{member.plan}/fhir")]


def issue_of(body: dict[str, Any]) -> str:
    assert body["resourceType"] == "OperationOutcome"
    code: str = body["issue"][0]["code"]
    return code


def test_walk_of_all_types_returns_each_resource_once(payer: LocalPayer, reader: Reader) -> None:
    found = reader.references("Patient?_id=foo-2")
    for type_ in COMPARTMENT_TYPES:
        found += reader.references(f"{type_}?patient={reader.patient}&_count=7")
    expected = [
        one for one in generated_references(payer, LOGIN) if one.split("/")[0] not in (*SUPPORT_TYPES, "Binary")
    ]
    assert Counter(found) == Counter(expected)


def test_walk_of_the_largest_member_returns_each_resource_once(payer: LocalPayer, foomedical: Browser) -> None:
    reader = foomedical.connect("patient30@flexpa.com", PASSWORD)
    found = reader.references("Patient/foo-30/$everything?_count=200")
    assert Counter(found) == Counter(generated_references(payer, "patient30@flexpa.com"))
    assert len(found) >= 5000


def test_page_has_total_links_and_entries_as_searchsets_do(reader: Reader) -> None:
    first, second, *rest = reader.pages("Observation?patient=foo-2&_count=50")
    links = {link["relation"]: link["url"] for link in first["link"]}
    assert links["self"] == f"{reader.fhir}/Observation?patient=foo-2&_count=50"
    assert links["next"].startswith(f"{reader.fhir}/Observation?_page=")
    assert first["type"] == "searchset"
    assert first["total"] == second["total"] == sum(len(page["entry"]) for page in (first, second, *rest))
    assert len(first["entry"]) == 50
    for entry in first["entry"]:
        assert entry["search"] == {"mode": "match"}
        assert entry["fullUrl"] == f"{reader.fhir}/Observation/{entry['resource']['id']}"
    second_self = next(link["url"] for link in second["link"] if link["relation"] == "self")
    assert reader.bundle(second_self)["entry"] == second["entry"]


def test_urn_full_url_stands_where_it_was_planted(reader: Reader) -> None:
    entries = [entry for page in reader.pages("Encounter?patient=foo-2") for entry in page["entry"]]
    assert [one["resource"]["id"] for one in entries if one["fullUrl"] == VISIT_URN] == ["foo-2-odd-urn-visit"]


@pytest.mark.parametrize(("asked", "given"), [("", 50), ("&_count=200", 200), ("&_count=100000", 200)])
def test_count_defaults_to_50_and_is_capped_at_200(humana: Browser, asked: str, given: int) -> None:
    reader = humana.connect("HUser00002", "PW00002!")
    assert len(reader.bundle(f"Observation?patient={reader.patient}{asked}")["entry"]) == given


def test_count_zero_gives_the_total_only(reader: Reader) -> None:
    bundle = reader.bundle("Observation?patient=foo-2&_count=0")
    assert bundle["total"] > 0
    assert "entry" not in bundle


@pytest.mark.parametrize("patient", ["foo-2", "Patient/foo-2", "{fhir}/Patient/foo-2"])
def test_patient_may_be_an_id_or_a_reference(reader: Reader, patient: str) -> None:
    value = quote(patient.format(fhir=reader.fhir), safe="")
    assert reader.bundle(f"Coverage?patient={value}")["total"] == 3


def test_ids_batch_returns_those_that_are_there(reader: Reader) -> None:
    practitioners = ["foo-prac-1", "never-was", "foo-prac-2", "foo-prac-1"]
    found = reader.references(f"Practitioner?_id={','.join(practitioners)}")
    assert found == ["Practitioner/foo-prac-1", "Practitioner/foo-prac-2"]
    batch = reader.references("Observation?patient=foo-2&_id=foo-2-odd-exponent,foo-2.odd.with.dots&_count=1")
    assert batch == ["Observation/foo-2-odd-exponent", "Observation/foo-2.odd.with.dots"]


def test_every_support_resource_is_found_by_id_and_by_read(payer: LocalPayer, reader: Reader) -> None:
    references = [one.split("/") for one in generated_references(payer, LOGIN)]
    for type_ in SUPPORT_TYPES:
        ids = [id_ for kind, id_ in references if kind == type_]
        assert len(reader.references(f"{type_}?_id={','.join(ids)}")) == len(ids) > 0
        assert reader.get(f"{type_}/{ids[0]}").json()["id"] == ids[0]


def test_read_serves_the_generated_bytes(payer: LocalPayer, reader: Reader) -> None:
    member = find_member(LOGIN)
    assert member
    for resource in generate(member, reader.fhir):
        if "odd" in resource.id:
            response = reader.get(resource.reference)
            assert response.content == resource.text
            assert response.headers["Content-Type"] == "application/fhir+json; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("Observation?patient=foo-1", 403, "forbidden"),
        ("Patient/foo-1", 403, "forbidden"),
        ("Patient/foo-1/$everything", 403, "forbidden"),
        ("Patient?_id=foo-2,foo-1", 403, "forbidden"),
        ("Observation/foo-1-o11-1", 404, "not-found"),
        ("Practitioner/foo-prac-39", 404, "not-found"),
        ("Slot?patient=foo-2", 404, "not-supported"),
        ("Slot/1", 404, "not-supported"),
        ("Binary?_id=1", 404, "not-supported"),
        ("Observation?patient=foo-2&code=1", 400, "not-supported"),
        ("Observation?patient=foo-2&_sort=date", 400, "not-supported"),
        ("Practitioner?patient=foo-2", 400, "not-supported"),
        ("Patient?patient=foo-2", 400, "not-supported"),
        ("Observation", 400, "required"),
        ("Practitioner", 400, "required"),
        ("Observation?patient=foo-2&_count=-1", 400, "value"),
        ("Observation?patient=foo-2&_count=x", 400, "value"),
        ("Observation?patient=foo-2&_format=xml", 406, "not-supported"),
        ("Observation?_page=made.up", 400, "value"),
    ],
)
def test_refused_request_gets_an_operation_outcome(reader: Reader, path: str, status: int, code: str) -> None:
    response = reader.get(path)
    assert (response.status_code, issue_of(response.json())) == (status, code)


def test_page_mark_belongs_to_one_patient_and_one_search(foomedical: Browser, reader: Reader) -> None:
    page = next(iter(reader.pages("Observation?patient=foo-2&_count=5")))
    url = next(link["url"] for link in page["link"] if link["relation"] == "next")
    other = foomedical.connect("patient3@flexpa.com", PASSWORD)
    assert other.get(url).status_code == 403
    assert reader.get(url.replace("/Observation?", "/Condition?")).status_code == 400


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Basic cmVsYXk6cmVsYXk=", "Bearer a.é"])
def test_request_without_a_valid_token_is_401(foomedical: Browser, header: str) -> None:
    headers = {b"Authorization": header.encode()} if header else {}
    response = foomedical.http.get(f"{foomedical.fhir}/Patient/foo-1", headers=headers)
    assert (response.status_code, issue_of(response.json())) == (401, "login")
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")


def test_token_of_another_plan_is_401(humana: Browser, reader: Reader) -> None:
    stranger = Reader(reader.http, humana.fhir, reader.token, reader.patient)
    assert stranger.get("Patient/foo-2").status_code == 401


def test_capability_statement_lists_what_search_obeys(foomedical: Browser, reader: Reader) -> None:
    statement = foomedical.http.get(f"{foomedical.fhir}/metadata").json()
    resources = statement["rest"][0]["resource"]
    listed = {
        one["type"]: tuple(parameter["name"] for parameter in one["searchParam"])
        for one in resources
        if "searchParam" in one
    }
    assert statement["fhirVersion"] == "4.0.1"
    assert listed == SEARCH_PARAMETERS
    assert {one["type"] for one in resources} - set(listed) == {"Binary"}
    for type_, names in listed.items():
        for name in names:
            value = reader.patient if name == "patient" or type_ == "Patient" else "x"
            assert reader.get(f"{type_}?{name}={value}").status_code == 200


def test_linked_ccda_is_served_as_xml_and_as_fhir(humana: Browser) -> None:
    reader = humana.connect("HUser00001", "PW00001!")
    document = reader.get("DocumentReference/hum-m-00001-ccda-linked").json()
    attachment = document["content"][0]["attachment"]
    raw = reader.get(attachment["url"], Accept="application/xml")
    assert raw.headers["Content-Type"] == "application/xml"
    assert len(raw.content) == attachment["size"]
    assert ElementTree.fromstring(raw.content).tag == "{urn:hl7-org:v3}ClinicalDocument"
    binary = reader.get(attachment["url"], Accept="application/fhir+json").json()
    assert base64.b64decode(binary["data"]) == raw.content


def test_inline_ccda_is_whole(foomedical: Browser) -> None:
    document = foomedical.connect("patient3@flexpa.com", PASSWORD).get("DocumentReference/foo-3-ccda-inline")
    attachment = document.json()["content"][0]["attachment"]
    content = base64.b64decode(attachment["data"])
    assert len(content) == attachment["size"]
    assert ElementTree.fromstring(content).tag == "{urn:hl7-org:v3}ClinicalDocument"


@pytest.mark.parametrize("path", ["/nowhere", "/nowhere/fhir/metadata", "/foomedical/fhir/Patient/a/b/c"])
def test_unknown_path_is_404(foomedical: Browser, payer: LocalPayer, path: str) -> None:
    assert foomedical.http.get(payer.url + path).status_code == 404


def test_healthz_answers(foomedical: Browser, payer: LocalPayer) -> None:
    assert foomedical.http.get(f"{payer.url}/healthz").status_code == 200
