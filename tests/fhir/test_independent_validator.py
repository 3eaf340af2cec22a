"""What we make ourselves, judged by an R4 model that others wrote (fhirkit, 4.0.1)."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import fhirkit
import pytest

from apps.fhir.capability import capability_statement
from apps.fhir.projecting import Summary, select_elements, summarise

EXAMPLES = sorted((Path(os.environ.get("PUBLIC_DATA", "")) / "hl7-r4-examples").glob("*.ndjson*"))


def issues(resource: bytes) -> set[str]:
    return {str(each) for each in fhirkit.validate(resource)}


def test_capability_statement_is_valid() -> None:
    statement = capability_statement(base_url="https://relay.example/fhir", brand="Record Relay")
    assert issues(statement) == set()
    assert issues(statement.replace(b'"fhirVersion":"4.0.1",', b"")) != set()


def examples() -> Iterator[tuple[str, bytes]]:
    for path in EXAMPLES:
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        yield from ((path.name.partition(".")[0], line) for line in body.splitlines() if line.strip())


@pytest.mark.shared_data
def test_part_of_a_valid_example_is_valid() -> None:
    seen = 0
    for name, line in examples():
        before = issues(line)
        parts = [summarise(line, name, summary=each) for each in Summary]
        for part in [*parts, select_elements(line, name, elements=["identifier", "value"])]:
            assert issues(part) <= before, name
            seen += 1
    assert seen > 500
