"""The writer against the standard library's reader."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.sandbox.payer.generator.json_text import escaped, number, read, write

texts = st.text(st.characters(exclude_categories=["Cs", "Co"]))
numbers = st.from_regex(r"\A-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?\Z")
leaves = texts | st.booleans() | st.none() | st.integers()
documents = st.dictionaries(
    texts, st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=12)
)


@given(documents)
def test_written_text_reads_back_as_the_same_value(value: dict[str, Any]) -> None:
    assert json.loads(write(value)) == value
    assert json.loads(write(value, lines=True)) == value


@given(st.lists(numbers), st.booleans())
def test_number_text_is_written_character_for_character(values: list[str], lines: bool) -> None:
    text = write({"values": [number(one) for one in values]}, lines=lines)
    seen: list[str] = []
    json.loads(text, parse_float=lambda one: seen.append(one), parse_int=lambda one: seen.append(one))
    assert seen == values


@given(st.dictionaries(texts, numbers.map(number) | texts))
def test_what_was_written_can_be_read_and_written_back(value: dict[str, Any]) -> None:
    assert write(read(write(value))) == write(value)


@given(texts)
def test_escaped_text_is_ascii_and_means_the_same(value: str) -> None:
    text = write({"note": escaped(value)})
    assert text.isascii()
    assert b"/" not in text.replace(b"\\/", b"")
    assert json.loads(text) == {"note": value}


def test_value_whose_text_python_would_choose_is_refused() -> None:
    with pytest.raises(TypeError, match="writes no Decimal"):
        write({"value": Decimal("1.0")})
