"""The public data are read where PUBLIC_DATA names their folder; elsewhere their tests are counted apart.

A record is ingested once and looked at by several tests, so these run outside of pytest-django's transactions, and
after all other tests: what they leave in the database meets nobody.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.db import connection
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from apps.applications.models import Application
from apps.authorizations.smart import door
from apps.transforms.context import SourceContext

from .folder import Folder, Record, read_folder
from .ingest import Ingested, ingest, make_application
from .source import PublicSource

PUBLIC_DATA = os.environ.get("PUBLIC_DATA", "")
HERE = Path(__file__).parent
NEEDS_DATA = {"record", "ingested", "folder", "document"}
COMMITS = {*NEEDS_DATA, "source"}

tally: dict[str, Counter[str]] = {}
not_run: list[str] = []


@cache
def public_data() -> Folder:
    return read_folder(Path(PUBLIC_DATA)) if PUBLIC_DATA else Folder((), {})


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "record" in metafunc.fixturenames:
        records = public_data().records
        metafunc.parametrize("record", records, ids=[each.name for each in records], scope="module")
    if "document" in metafunc.fixturenames:
        broken = public_data().broken
        metafunc.parametrize("document", broken.values(), ids=list(broken))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    last = [item for item in items if item.path.is_relative_to(HERE) and COMMITS & set(_fixtures(item))]
    waiting = [] if PUBLIC_DATA else [item for item in last if NEEDS_DATA & set(_fixtures(item))]
    items[:] = [item for item in items if item not in last] + [item for item in last if item not in waiting]
    if waiting:
        not_run.extend(item.nodeid for item in waiting)
        config.hook.pytest_deselected(items=waiting)


def _fixtures(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not_run:
        terminalreporter.write_line(f"public data: not configured, {len(not_run)} tests not run")
    for line in table():
        terminalreporter.write_line(line)


def table() -> Iterator[str]:
    """What became of each data set, a line each."""
    if not tally:
        return
    total: Counter[str] = sum(tally.values(), Counter())
    columns = sorted(total, key=lambda name: (("files", "resources", "stored").index(name) if name in
                     ("files", "resources", "stored") else 3, name))  # fmt: skip
    yield " | ".join(["public data", *columns])
    for name, row in [*sorted(tally.items()), ("all", total)]:
        yield " | ".join([name, *(str(row[column]) for column in columns)])


@pytest.fixture(scope="session")
def folder() -> Folder:
    return public_data()


@pytest.fixture(scope="package")
def source(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[PublicSource]:
    with PublicSource() as made, override_settings(SANDBOX_PAYER_URL=made.url), django_db_blocker.unblock():
        door.cache_clear()
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")  # thousands of commits, and no test pulls the plug
        yield made
        door.cache_clear()


@pytest.fixture(scope="package")
def application(source: PublicSource) -> Application:
    return make_application()


@pytest.fixture(scope="module")
def ingested(source: PublicSource, application: Application, record: Record) -> Iterator[Ingested]:
    made = ingest(source, application, record)
    yield made
    row = tally.setdefault(record.data_set, Counter())
    row.update(files=record.files, resources=len(record.given), stored=len(made.pairs))
    row["collapsed"] += made.expected.repeated
    row["remarks"] += made.expected.remarks
    for each in made.first.job.rejected:
        row[f"rejected {each['code']}"] += each["count"]


@pytest.fixture
def context() -> SourceContext:
    return SourceContext(
        application_id="a-1",
        mode="TEST",
        endpoint_id="e-1",
        endpoint_name="Payer",
        fhir_base="https://payer.example/fhir",
        authorization_id="pa-1",
        consent_id="c-1",
        authorization_type="OAUTH",
        patient_id=uuid.UUID(int=1),
        source_patient_id="p1",
        tag_base="https://tags.example/",
    )
