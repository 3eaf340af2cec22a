"""The tokenizer against the standard library's parser, so that what it says of the public data can be trusted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .json_tokens import NotJson, is_number, is_string, tokens, unescaped

NUMBERS = ["0", "-0", "0.00", "-0.0", "1.10", "1e400", "1E+05", "12345678901234567890.00000000000000000001", "3e-7"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from leaves(child, f"{path}.{key}")
    elif isinstance(value, list) and value:
        for index, child in enumerate(value):
            yield from leaves(child, f"{path}[{index}]")
    else:
        yield path, value


@given(VALUES, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_tokens_are_what_the_standard_parser_finds(value: Any, ascii_only: bool, indent: int | str | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    found = [(path, unescaped(token) if is_string(token) else json.loads(token)) for path, token in tokens(text)]
    assert found == list(leaves(value))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_keeps_its_text(number: str) -> None:
    assert list(tokens(f' {{"a": [ {number} , "{number}"] }}\n')) == [(".a[0]", number), (".a[1]", f'"{number}"')]
    assert is_number(number)


@given(st.text(alphabet='{}[]:,"\\ 01.eE+-truefalsn\n'))
def test_what_is_json_is_what_the_standard_parser_accepts(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        with pytest.raises(NotJson):
            list(tokens(text))
    else:
        list(tokens(text))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1,]", "[,1]", '{"a":1,}', "{a:1}", "[1}", '{"a":1]', "1 2", "01", "+1", "1.", ".1", "NaN", "'a'",
     '"a\nb"', '"\\x"', '"\\u12"', '{"a" 1}', "[1 2]", "// no\n1", "]", "}"],
)  # fmt: skip
def test_what_the_grammar_forbids_is_refused(text: str) -> None:
    with pytest.raises(NotJson):
        list(tokens(text))
