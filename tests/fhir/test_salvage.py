"""Who a broken resource says it is, as far as its bytes still say it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.fhir.salvage import claimed_identity

WHO = b'"resourceType":"Claim","id":"c-1"'


@pytest.mark.parametrize(
    "raw",
    [
        b"{%b}",
        b'{"a":NaN,%b}',
        b'{%b,"a":01,',
        b'{"x":"\xff\\ud800",%b}',
        b'{"contained":[{"resourceType":"Patient","id":"p"}],%b}',
        b'{"text":{"id":"t","div":"}]{ \\"id\\":\\"x\\""},%b,"id":"later"}',
        b'{"meta" : {"tag":[{"id":"m"}]} ,\n %b',
    ],
)
def test_identity_is_read_from_the_top_level_whatever_else_is_broken(raw: bytes) -> None:
    assert claimed_identity(raw % WHO) == ("Claim", "c-1")


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"[]", b'{"id":7}', b'{"a":{%b}}' % WHO, b'[{"id":"x"}', b'{"id":"a\\u0062"}', b'{"id":"\xc3\xa9"}'],
)
def test_what_is_not_plainly_said_is_empty(raw: bytes) -> None:
    assert claimed_identity(raw) == ("", "")


value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    before=st.dictionaries(
        st.text(max_size=5).filter(lambda key: key not in ("id", "resourceType")), value, max_size=4
    ),
    source_id=st.from_regex(r"[A-Za-z0-9.-]{1,64}", fullmatch=True),
)
def test_identity_of_any_readable_resource_is_that_of_the_parser(before: dict[str, object], source_id: str) -> None:
    resource = {**before, "resourceType": "Claim", "id": source_id}
    assert claimed_identity(json.dumps(resource).encode()) == ("Claim", source_id)
