"""What the WSGI entry lets through to Django."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from portal.wsgi import without_unknown_charset


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("application/json; charset=rot13", "application/json"),
        ("application/json; charset=nowhere-8", "application/json"),
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("multipart/form-data; boundary=x", "multipart/form-data; boundary=x"),
        ("", ""),
    ],
)
def test_a_charset_that_cannot_decode_text_is_dropped_and_nothing_else_is(sent: str, seen: str) -> None:
    passed: list[str] = []

    def django(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        passed.append(environ["CONTENT_TYPE"])
        return []

    without_unknown_charset(django)({"CONTENT_TYPE": sent}, lambda *_: None)
    assert passed == [seen]
