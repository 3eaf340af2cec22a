"""Number texts that no public file has (exponents, -0, hundreds of digits), through the whole sync."""

from __future__ import annotations

import pytest

from apps.applications.models import Application

from .expected import leaves
from .folder import Given, Record
from .ingest import ingest
from .source import PublicSource

pytestmark = pytest.mark.django_db
NUMBERS = [
    "0", "-0", "0.0", "-0.00", "1.10", "1.0e3", "1e3", "1E+3", "1e-7", "0.00000001", "12345678901234567890123",
    "-9007199254740993", "3.141592653589793238462643383279", "1e400", "100000000000000000000.00", "1" * 400,
]  # fmt: skip


def test_every_number_text_is_stored_as_it_came(source: PublicSource, application: Application) -> None:
    values = [*NUMBERS, f"[{','.join(NUMBERS)}]"]  # one at a time, too: a rare number changes how all are read
    given = [
        Given(b'{"resourceType":"Observation","id":"o%d","x":%b}' % (place, value.encode()))
        for place, value in enumerate(values)
    ]
    ingested = ingest(source, application, Record("hard numbers", 0, tuple(given)))
    assert ingested.first.job.rejected == []
    stored = [leaves(ingested.lines[ingested.names.key(("Observation", f"o{place}"))]) for place in range(len(values))]
    assert [each.get(".x") for each in stored[:-1]] == NUMBERS
    assert [stored[-1][f".x[{place}]"] for place in range(len(NUMBERS))] == NUMBERS
    assert ingested.refreshed.rows == ingested.first.rows
