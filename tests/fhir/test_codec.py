"""Codec: number texts survive, refusals are `CodecError`, pages are cut without losing a good resource."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.fhir.codec import CodecError, decode, decode_values, encode, split_bundle


def number_texts(raw: bytes) -> list[str]:
    """The texts of all numbers outside strings, found character by character."""
    text, found, position = raw.decode(), [], 0
    while position < len(text):
        character = text[position]
        if character == '"':
            position += 1
            while text[position] != '"':
                position += 2 if text[position] == "\\" else 1
        elif character in "-0123456789":
            start = position
            while position < len(text) and text[position] in "+-.eE0123456789":
                position += 1
            found.append(text[start:position])
            continue
        position += 1
    return found


def texts_for_numbers(raw: bytes) -> Any:
    return json.loads(raw, parse_int=str, parse_float=str)


class Number(str):
    """The text of a JSON number."""


@st.composite
def numbers(draw: st.DrawFn) -> Number:
    digits = st.text("0123456789", min_size=1, max_size=30)
    whole = draw(st.just("0") | st.builds(str.__add__, st.sampled_from("123456789"), digits))
    fraction = draw(st.just("") | digits.map(".".__add__))
    exponents = st.tuples(st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), digits)
    exponent = draw(st.just("") | exponents.map("".join))
    return Number(draw(st.sampled_from(["", "-"])) + whole + fraction + exponent)


@st.composite
def texts(draw: st.DrawFn) -> str:
    return str(draw(numbers())) if draw(st.booleans()) else draw(st.text(max_size=8))


_trees = st.recursive(
    st.none() | st.booleans() | numbers() | texts(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(), inner, max_size=4),
    max_leaves=15,
)


def written(tree: Any) -> str:
    """The tree as JSON, with white space that `encode` has to drop."""
    match tree:
        case Number():
            return str(tree)
        case list():
            return f"[{' , '.join(map(written, tree))}]"
        case dict():
            return "{" + ",\n".join(f"{json.dumps(key)}: {written(value)}" for key, value in tree.items()) + "}"
        case _:
            return json.dumps(tree)


@given(_trees.map(lambda tree: f'{{"value":{written(tree)}}}'.encode()))
@example(b'{"value":-0}')
@example(b'{"value":[-0,-0.0,-0e0,0E-0, -0 ,0.0,10.00,1]}')
@example(b'{"a":"-0, ","value":-0}')
@example(b'{"value":[0.0,-0,1.00,2.000]}')
@example(b'{"value":123456789012345678901234567890123}')
@example(b'{"value":' + b"7" * 5000 + b"}")
@example(b'{"value":1.5e99999999999999999999}')
@example(b'{"value":1E400,"b":1e-400,"c":0.00000001}')
def test_encode_of_decode_keeps_number_texts_and_values(raw: bytes) -> None:
    line = encode(decode(raw))
    assert number_texts(line) == number_texts(raw)
    assert texts_for_numbers(line) == texts_for_numbers(raw)
    assert b"\n" not in line


def test_encode_keeps_key_order_and_writes_utf8() -> None:
    raw = '\ufeff{ "z": "\\u00e9\\/\\u0000", "a": {"c": 1.10, "b": []} }'.encode()
    assert encode(decode(raw)) == '{"z":"é/\\u0000","a":{"c":1.10,"b":[]}}'.encode()


def test_decode_values_gives_decimals() -> None:
    assert decode_values(b'\xef\xbb\xbf{"value":1.10,"count":3}') == {"value": Decimal("1.10"), "count": 3}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"\\ud800"}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":"\xff"}',
        b'{"a":[1,]}',
        b'{"a":01}',
        b'{"a":-01, "b":-0}',
        b'{"a":1.}',
        b'{"a":1.e5, "b":-0}',
        b'{"a":1} {}',
        b'{"a":"unfinished',
        b'{"a":"unfinished,-0,',
        b"[]",
        b"-0",
        b'"text"',
        b"",
    ],
)
def test_decode_of_what_is_not_a_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(CodecError) as refusal:
        decode(raw)
    assert refusal.value.code == "malformed"


def test_decode_of_deep_nesting_is_refused() -> None:
    with pytest.raises(CodecError) as refusal:
        decode(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
    assert refusal.value.code == "too-deep"


def test_encode_of_deep_nesting_is_refused() -> None:
    value: Any = {}
    for _ in range(100_000):
        value = [value]
    with pytest.raises(CodecError):
        encode(value)


def test_decode_values_of_a_number_out_of_range_is_refused() -> None:
    with pytest.raises(CodecError):
        decode_values(b'{"a":' + b"7" * 5000 + b"}")


def test_refusal_never_quotes_the_content() -> None:
    with pytest.raises(CodecError) as refusal:
        decode(b'{"family":"Secretname" "given":1}')
    assert "Secretname" not in str(refusal.value)


PAGE = b"""\xef\xbb\xbf{
  "resourceType": "Bundle", "type": "searchset", "total": 3,
  "link": [{"relation": "self", "url": "https://a/1"}, {"relation": "next", "url": "https://a/2"}],
  "entry": [
    {"fullUrl": "https://a/Coverage/1", "resource": {"resourceType": "Coverage", "x": 1.10}},
    {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}},
    {"fullUrl": null, "response": {"status": "200"}},
    {"resource": %b, "fullUrl": "urn:uuid:1"}
  ]
}"""


@pytest.mark.parametrize(
    "last",
    [
        b'{"resourceType":"Claim", "a":"}]\\"{", "resource": {"entry": [{"resource": {}}]}}',
        b'{"a":NaN}',
        b'{"a":"\\ud800 {"}',
        b'{"a":[1,]}',
        b'{"a":01}',
        b'{"a":"\xff"}',
        b'{"a":{"entry":[{"resource":{"b":[[]],"c":Infinity}}]}}',
    ],
)
def test_split_bundle_keeps_each_resource_as_it_is_even_a_broken_one(last: bytes) -> None:
    page = split_bundle(PAGE % last)
    assert [(entry.full_url, entry.raw) for entry in page.entries] == [
        ("https://a/Coverage/1", b'{"resourceType": "Coverage", "x": 1.10}'),
        ("urn:uuid:1", last),
    ]
    assert page.outcomes == [b'{"resourceType": "OperationOutcome"}']
    assert (page.next_url, page.total) == ("https://a/2", 3)


def test_split_bundle_in_which_a_resource_is_nested_too_deeply_keeps_the_others() -> None:
    page = split_bundle(PAGE % (b'{"a":' * 5000 + b"1" + b"}" * 5000))
    assert len(page.entries) == 2


def test_split_bundle_hands_on_a_match_without_a_resource_as_a_broken_one() -> None:
    page = split_bundle(b'{"resourceType":"Bundle","total":2,"entry":[{"fullUrl":"https://a/Claim/1"},{}]}')
    assert [(entry.full_url, entry.raw) for entry in page.entries] == [("https://a/Claim/1", b""), (None, b"")]


@pytest.mark.parametrize(
    "url", [b'"urn:\\u0000"', b'"https://a/Claim/1\\n"', b'"urn:%b"' % (b"x" * 2050), b"7", b"null"]
)
def test_split_bundle_with_a_full_url_that_is_no_uri_has_none(url: bytes) -> None:
    page = split_bundle(b'{"resourceType":"Bundle","entry":[{"fullUrl":%b,"resource":{}}]}' % url)
    assert [(entry.full_url, entry.raw) for entry in page.entries] == [(None, b"{}")]


@pytest.mark.parametrize("total", [b"-1", b"2147483648", b"1.0", b"null"])
def test_split_bundle_with_a_total_that_cannot_be_one_has_none(total: bytes) -> None:
    assert split_bundle(b'{"resourceType":"Bundle","total":%b}' % total).total is None


@pytest.mark.parametrize("value", [b"null", b"7", b"[1]", b'"text"'])
def test_split_bundle_hands_on_a_resource_that_is_no_object(value: bytes) -> None:
    whole = split_bundle(b'{"resourceType":"Bundle","entry":[{"resource":%b}]}' % value)
    assert [entry.raw for entry in whole.entries] == [value]
    cut = split_bundle(b'{"resourceType":"Bundle","entry":[{"resource":%b},{"resource":{"a":NaN}}]}' % value)
    assert [entry.raw for entry in cut.entries] == [value, b'{"a":NaN}']


@pytest.mark.parametrize("frame", [b"{}", b'{"resourceType":"Patient"}', b'{"resourceType":"OperationOutcome"}'])
def test_split_bundle_of_another_resource_says_so(frame: bytes) -> None:
    with pytest.raises(CodecError) as refusal:
        split_bundle(frame)
    assert refusal.value.code == "not-a-bundle"


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"resourceType":"Bundle","entry":{}}',
        b'{"resourceType":"Bundle","entry":[null]}',
        b'{"resourceType":"Bundle","entry":[{"resource":{"a":"unfinished}}]}',
        b'{"resourceType":"Bundle","entry":[{"resource":{}}',
        b'{"resourceType":"Bundle","total":NaN}',
    ],
)
def test_split_bundle_of_a_broken_frame_is_refused(frame: bytes) -> None:
    with pytest.raises(CodecError) as refusal:
        split_bundle(frame)
    assert refusal.value.code == "malformed"


@pytest.mark.parametrize(
    "frame",
    [
        b'{"resourceType":"Bundle"}',
        b'{"resourceType":"Bundle","entry":null,"link":null,"total":"7"}',
        b'{"resourceType":"Bundle","link":[null,{"relation":"next"},{"relation":"next","url":5}],"total":true}',
    ],
)
def test_split_bundle_of_an_odd_frame_is_an_empty_page(frame: bytes) -> None:
    page = split_bundle(frame)
    assert (page.entries, page.next_url, page.total) == ([], None, None)
