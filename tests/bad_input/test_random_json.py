"""No JSON, whatever it is, makes an address fail: random values against each operation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Place
from .operations import headers_for
from .refusals import ask, fault_of
from .routes import Face
from .test_bodies import JSON, writing

# Every code point, halves of surrogate pairs included.
TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)
NUMBER = st.integers() | st.floats() | st.integers(min_value=2**63)
VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("face", [Face.API, Face.LINK])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_json_makes_an_address_fail(place: Place, face: Face, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(writing(place, face)))
    some = st.dictionaries(st.sampled_from(sorted(operation.fields)) if operation.fields else TEXT, VALUE, max_size=4)
    body = data.draw(VALUE | some.map(lambda given: {**operation.good, **given}))
    headers, path, client = headers_for(place, operation), place.path(operation.route), place.client(face)
    answer = ask(client.generic, operation.method, path, json.dumps(body).encode(), JSON, headers=headers)
    assert fault_of(answer, face) == ""
    if answer.status_code >= 400:
        assert answer.rows_changed == {}
