"""Lines in, lines out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apps.fhir.ndjson import join_lines, split_lines


def test_split_lines_drops_mark_blank_lines_and_line_ends() -> None:
    assert list(split_lines(b'\xef\xbb\xbf{"a":1}\r\n\n  \n{"b":"\xe2\x80\xa8\x85"}')) == [
        b'{"a":1}',
        b'{"b":"\xe2\x80\xa8\x85"}',
    ]


@given(st.lists(st.binary(min_size=1).filter(lambda line: line == line.strip() and b"\n" not in line)))
def test_split_lines_undoes_join_lines(lines: list[bytes]) -> None:
    body = b"".join(join_lines(lines)).removeprefix(b"\xef\xbb\xbf")
    assert (
        list(split_lines(b"\xef\xbb\xbf" + body))
        == [line for line in (lines[0].removeprefix(b"\xef\xbb\xbf").strip(), *lines[1:]) if line]
        if lines
        else body == b""
    )
