"""The object key: its fixed layout, its escaping, its limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.destinations.object_keys import object_key

INSTANT = datetime(2026, 11, 21, 1, 10, 17, 123456, tzinfo=UTC)
IDS = {"consent_id": "c-1", "authorization_id": "pa-1", "sync_job_id": "sj-1"}


def key_of(**changes: Any) -> str:
    values: dict[str, Any] = {"prefix": "flexpa/", "external_id": "user-1", "timestamp": INSTANT, **IDS}
    return object_key(**{**values, **changes})


def test_key_of_plain_values_has_the_documented_layout() -> None:
    assert key_of() == "flexpa/user-1/c-1/pa-1/2026-11-21T01-10-17-123Z-sj-1.ndjson"


def test_key_takes_uuids_and_other_time_zones() -> None:
    consent = UUID("5b8e0d2c-3a77-4b0e-9a53-1f3f7d9f0001")
    east = INSTANT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    expected = f"flexpa/user-1/{consent}/pa-1/2026-11-21T01-10-17-123Z-sj-1.ndjson"
    assert key_of(consent_id=consent, timestamp=east) == expected


@pytest.mark.parametrize(
    ("external_id", "segment"),
    [
        (None, "_"),
        ("", "_"),
        ("_", "%5F"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("...", "..."),
        ("%2E", "%252E"),
        ("a/b", "a%2Fb"),
        ("jo@example.org", "jo%40example.org"),
        ("Zoë\n", "Zo%C3%AB%0A"),
        ("A-z_0.9~", "A-z_0.9~"),
    ],
)
def test_external_id_is_escaped_as_one_segment(external_id: str | None, segment: str) -> None:
    assert key_of(external_id=external_id).split("/")[1] == segment


def test_key_of_whole_second_still_has_milliseconds() -> None:
    assert "T00-00-00-000Z-" in key_of(timestamp=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"external_id": "é" * 400}, "external_id"),
        ({"prefix": "p" * 1000 + "/"}, "prefix"),
        ({"consent_id": "c" * 1100}, "consent_id"),
        ({"consent_id": ""}, "consent_id"),
        ({"sync_job_id": ""}, "sync_job_id"),
        ({"prefix": "no-slash"}, "prefix"),
        ({"prefix": "/flexpa/"}, "prefix"),
        ({"timestamp": datetime(2026, 1, 1)}, "timestamp"),
        ({"external_id": "\ud800"}, "external_id"),
    ],
)
def test_key_that_cannot_be_is_refused_and_the_field_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field} "):
        key_of(**changes)


def test_key_of_exactly_1024_bytes_is_taken_and_one_more_is_not() -> None:
    room = 1024 - len(key_of(external_id="x")) + 1
    assert len(key_of(external_id="x" * room)) == 1024
    with pytest.raises(ValueError, match="1025 bytes"):
        key_of(external_id="x" * (room + 1))


segments = st.one_of(st.sampled_from([".", "..", "_", "%5F", "%2E", "%2E%2E", "a/b", "a%2Fb"]), st.text(max_size=20))
required = segments.filter(bool)
instants = st.datetimes(
    min_value=datetime(1971, 1, 1),
    max_value=datetime(9998, 1, 1),
    timezones=st.just(UTC),
).map(lambda instant: instant.replace(microsecond=instant.microsecond // 1000 * 1000))
calls = st.fixed_dictionaries(
    {
        "prefix": st.sampled_from(["", "flexpa/", "a/", "a/b/"]),
        "external_id": st.one_of(st.none(), required),
        "consent_id": required,
        "authorization_id": required,
        "sync_job_id": required,
        "timestamp": instants,
    }
)


@given(calls, calls)
def test_different_values_never_share_a_key(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (object_key(**one) == object_key(**other)) == (one == other)


@given(calls)
def test_key_is_safe_and_reads_back(call: dict[str, Any]) -> None:
    key = object_key(**call)
    assert re.fullmatch(r"[A-Za-z0-9._~%/-]+", key)
    rest = key.removeprefix(call["prefix"]).split("/")
    assert len(rest) == 4
    assert not {"", ".", ".."} & set(key.split("/"))
    external_id = None if rest[0] == "_" else unquote(rest[0])
    assert (external_id, unquote(rest[1]), unquote(rest[2])) == (
        call["external_id"],
        call["consent_id"],
        call["authorization_id"],
    )
    assert unquote(rest[3][25:].removesuffix(".ndjson")) == call["sync_job_id"]
