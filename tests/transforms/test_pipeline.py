"""The whole of one resource: line, hashes, refusals."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.transforms.pipeline import ResourceError, source_hash, transform

from .sources import BASE, CONTEXT, transformed


def test_line_keeps_order_and_number_texts_and_has_no_line_end() -> None:
    raw = (
        '\ufeff{ "note": "a\\nb\\u0000 \\u2028",\n "resourceType": "Observation", "id": "1",\n'
        ' "value": [1.10, -0, 1E+3, 12345678901234567890123], "meta": {"lastUpdated": "x"} }'
    ).encode()
    done = transform(raw, context=CONTEXT)
    assert b"\n" not in done.line
    assert b'"value":[1.10,-0,1E+3,12345678901234567890123],"meta":{"lastUpdated":"x",' in done.line
    assert list(json.loads(done.line)) == ["note", "resourceType", "id", "value", "meta", "identifier"]
    assert (done.type, done.source_id) == ("Observation", "1")


@pytest.mark.parametrize(
    ("full_url", "source"),
    [
        (None, f"{BASE}/Claim/1"),
        ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", f"{BASE}/Claim/1"),
        ("https://internal.payer.com/Claim/1", "https://internal.payer.com/Claim/1"),
        ("http://internal.payer.com/Claim/1", "http://internal.payer.com/Claim/1"),
    ],
)
def test_meta_source_is_the_address_at_the_source(full_url: str | None, source: str) -> None:
    resource = {"resourceType": "Claim", "id": "1", "meta": {"source": "#payer-internal"}}
    assert json.loads(transformed(resource, full_url=full_url).line)["meta"]["source"] == source


_metas = st.fixed_dictionaries(
    {}, optional={"lastUpdated": st.text(), "versionId": st.text(), "profile": st.lists(st.text())}
)


@given(_metas, _metas)
def test_content_hash_ignores_only_last_updated_and_version(one: dict[str, Any], two: dict[str, Any]) -> None:
    first, second = (
        transformed(
            {
                "resourceType": "Claim",
                "id": "1",
                "contained": [{"resourceType": "Patient", "id": "p", "meta": {"versionId": "1"}}],
                "meta": meta,
            }
        )
        for meta in (one, two)
    )
    assert (first.content_hash == second.content_hash) == (one.get("profile") == two.get("profile"))
    assert json.loads(first.line)["meta"].get("versionId") == one.get("versionId")


def test_content_hash_is_of_the_line_without_the_two() -> None:
    with_them = transformed({"resourceType": "Claim", "id": "1", "meta": {"versionId": "7", "lastUpdated": "x"}})
    without = transformed({"resourceType": "Claim", "id": "1", "meta": {}})
    assert with_them.content_hash == without.content_hash == sha256(without.line).digest()
    assert with_them.line != without.line


def test_content_hash_sees_numbers_contained_versions_and_authorizations() -> None:
    raws = [
        b'{"resourceType":"Claim","id":"1","total":{"value":1.1}}',
        b'{"resourceType":"Claim","id":"1","total":{"value":1.10}}',
        b'{"resourceType":"Claim","id":"1","contained":[{"meta":{"versionId":"1"}}]}',
        b'{"resourceType":"Claim","id":"1","contained":[{"meta":{"versionId":"2"}}]}',
    ]
    hashes = {transform(raw, context=CONTEXT).content_hash for raw in raws}
    hashes.add(transform(raws[0], context=replace(CONTEXT, authorization_id="a")).content_hash)
    assert len(hashes) == 5


def test_source_hash_changes_with_everything_that_the_line_is_made_from() -> None:
    raw, url = b'{"resourceType":"Claim","id":"1"}', f"{BASE}/Claim/1"
    same = [
        source_hash(raw, context=replace(CONTEXT), full_url=url),
        transform(raw, context=CONTEXT, full_url=url).source_hash,
    ]
    others = [
        source_hash(raw + b" ", context=CONTEXT, full_url=url),
        source_hash(raw, context=CONTEXT, full_url=f"{url}/_history/2"),
        source_hash(raw, context=CONTEXT, full_url=None),
        *(
            source_hash(raw, context=replace(CONTEXT, **{each.name: str(uuid4())}), full_url=url)  # type: ignore[arg-type]
            for each in fields(CONTEXT)
            if each.init
        ),
    ]
    assert len(set(same)) == 1
    assert len({*same, *others}) == 1 + len(others)


@pytest.mark.parametrize(
    ("full_url", "source_id"),
    [
        ("urn:uuid:0c9d1f6e-0000-4000-8000-000000000001", "0c9d1f6e-0000-4000-8000-000000000001"),
        ("urn:oid:1.2.3", "1.2.3"),
        ("https://payer.example/r4/Claim/77", "77"),
    ],
)
def test_a_resource_without_an_id_has_the_one_of_its_full_url(full_url: str, source_id: str) -> None:
    done = transform(b'{"resourceType":"Claim"}', context=CONTEXT, full_url=full_url)
    assert (done.source_id, done.id) == (source_id, CONTEXT.new_id("Claim", source_id))


@pytest.mark.parametrize(
    "full_url",
    [None, "", "urn:uuid:", "https://payer.example/Coverage/77", "https://payer.example/Claim/a?b", "x/urn:uuid:7"],
)
def test_a_resource_without_an_id_whose_full_url_names_none_is_refused(full_url: str | None) -> None:
    with pytest.raises(ResourceError):
        transform(b'{"resourceType":"Claim"}', context=CONTEXT, full_url=full_url)


def test_content_hash_does_not_see_white_space_and_escapes() -> None:
    plain = transform('{"resourceType":"Claim","id":"1","a":"é/"}'.encode(), context=CONTEXT)
    spaced = transform(b'{ "resourceType":"Claim",\n"id":"1", "a":"\\u00e9\\/" }', context=CONTEXT)
    assert plain.content_hash == spaced.content_hash
    assert plain.source_hash != spaced.source_hash


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ('{"resourceType":"Claim"}', "missing-id"),
        ('{"resourceType":"Claim","id":""}', "missing-id"),
        ('{"resourceType":"Claim","id":null}', "missing-id"),
        ('{"resourceType":"Claim","id":12}', "malformed"),
        ('{"resourceType":"Claim","id":1.0}', "malformed"),
        ('{"resourceType":"Claim","id":"a b"}', "malformed"),
        ('{"resourceType":"Claim","id":"a\\u0000"}', "malformed"),
        ('{"resourceType":"Claim","id":"%s"}' % ("x" * 257), "malformed"),
        ('{"id":"1"}', "missing-type"),
        ('{"id":"1","resourceType":null}', "missing-type"),
        ('{"id":"1","resourceType":5}', "malformed"),
        ('{"id":"1","resourceType":"claim"}', "malformed"),
        ('{"id":"1","resourceType":"Claim/../x"}', "malformed"),
        ('{"id":"1","resourceType":"Claim","a":"\\ud800"}', "malformed"),
        ('{"id":"1","resourceType":"Claim","a":NaN}', "malformed"),
        ('{"id":"1","resourceType":"Claim","a":[1,]}', "malformed"),
        ('{"id":"1","resourceType":"Claim","a":' + "[" * 5000 + "]" * 5000 + "}", "malformed"),
        ("null", "malformed"),
        ("", "malformed"),
    ],
)
def test_broken_resource_is_refused_by_code(raw: str, code: str) -> None:
    with pytest.raises(ResourceError) as refusal:
        transform(raw.encode(), context=CONTEXT)
    assert refusal.value.code == code
    assert refusal.value.message == str(refusal.value)


def test_resource_above_the_limit_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(ResourceError) as refusal:
        transform(b"{" * 101, context=CONTEXT, max_bytes=100)
    assert refusal.value.code == "too-large"


def test_resource_with_an_unknown_type_or_id_characters_is_kept() -> None:
    done = transformed({"resourceType": "FutureType", "id": "a_b|c/d"})
    line = json.loads(done.line)
    assert line["meta"]["source"] == f"{BASE}/FutureType/a_b|c/d"
    assert line["identifier"][0]["value"] == "a_b|c/d"
