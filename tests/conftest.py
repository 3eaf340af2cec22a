"""One embedded PostgreSQL for the run, in a folder of its own; no test reaches further than loopback."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from importlib import import_module
from pathlib import Path

import pytest

VAR = Path(tempfile.mkdtemp(prefix="record-relay-tests-"))
os.environ["VAR"] = str(VAR)
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
os.environ["ALLOW_EMBEDDED_DATABASE"] = "1"
os.environ["TRUST_SETTLE_SECONDS"] = "0"
os.environ["SYNC_RETRY_SECONDS"] = "0"
os.environ["DELIVERY_ROLE_ARN"] = "arn:aws:iam::111111111111:role/record-relay-delivery"
for name in ("DATABASE_URL", "PUBLIC_URL", "DEMO", "DEBUG", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)

from portal.local_secrets import ensure_local_secrets  # noqa: E402

ensure_local_secrets(VAR)

import django  # noqa: E402
from django.conf import settings as django_settings  # noqa: E402

# Static files as they lie in the tree: no test needs the hashed names, and nothing has to be collected first.
django_settings.WHITENOISE_AUTOREFRESH = True
# No test asks how long a password is chewed; a server in a process of its own chews as the product does.
django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
django_settings.STORAGES = {
    **django_settings.STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from django.template import Template  # noqa: E402
from django.test import TransactionTestCase  # noqa: E402
from hypothesis import settings as hypothesis_settings  # noqa: E402
from pytest_django import DjangoDbBlocker  # noqa: E402

from tests.emptying import empty_tables, prepare_server  # noqa: E402
from tests.factories import World, make_world  # noqa: E402

_render = Template._render  # type: ignore[attr-defined]
TransactionTestCase._fixture_teardown = empty_tables  # type: ignore[attr-defined]

hypothesis_settings.register_profile("project", deadline=None)
hypothesis_settings.load_profile("project")

LOOPBACK = {"127.0.0.1", "::1", "localhost", "0.0.0.0"}
_connect = socket.socket.connect


def _only_loopback(self: socket.socket, address: object) -> None:
    if isinstance(address, tuple) and address[0] not in LOOPBACK:
        raise RuntimeError(f"A test tried to reach {address[0]}.")
    _connect(self, address)  # type: ignore[arg-type]


socket.socket.connect = _only_loopback  # type: ignore[method-assign,assignment]


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> Iterator[None]:
    """Start the server that the database tests use; stopped and removed at the end of the run."""
    from portal.embedded_postgres import EmbeddedPostgres

    server = EmbeddedPostgres(VAR)
    server.ensure_running()
    prepare_server()
    yield
    server.stop("immediate")
    server.destroy()


@pytest.fixture(scope="session", autouse=True)
def _plain_rendering(django_test_environment: None) -> None:
    """Django's test client keeps a copy of every context of every template rendered; nobody looks at them."""
    Template._render = _render  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def static_files(django_test_environment: None) -> None:
    """What a browser asks a server for, put where the server finds it."""
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def db_of_module(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One transaction around a file, for what all its tests begin with: each of them rolls back to that.

    Not for a file with a test that commits.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        transaction.get_connection().atomic_blocks[-1]._from_testcase = True
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def acme_of_module(db_of_module: None) -> World:
    return make_world("acme")


@pytest.fixture(scope="module")
def zeta_of_module(db_of_module: None) -> World:
    return make_world("zeta")


@pytest.fixture
def acme(acme_of_module: World, db: None) -> World:
    return deepcopy(acme_of_module)


@pytest.fixture
def zeta(zeta_of_module: World, db: None) -> World:
    return deepcopy(zeta_of_module)


@pytest.fixture(autouse=True)
def _first_consent_text(request: pytest.FixtureRequest, _django_db_marker: None) -> None:
    """A test that commits ends by emptying the tables, those that a migration has filled too."""
    if request.node.get_closest_marker("django_db") is None:
        if "db" not in request.fixturenames:
            return
        request.getfixturevalue("db")
    from apps.authorizations.models import ConsentText

    body = import_module("apps.authorizations.migrations.0003_consent_text").BODY
    ConsentText.objects.get_or_create(version="2026-11", locale="en", defaults={"body": body})


def pytest_configure(config: pytest.Config) -> None:
    """With several processes each has a folder and a server of its own: they must not read our settings before."""
    if config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput"):
        del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_sessionfinish() -> None:
    shutil.rmtree(VAR, ignore_errors=True)


# With several processes a file belongs to one: those that take longest begin first, so that none is left to the end.
LONGEST = [
    "faults/test_supervisor", "faces/test_browser", "bad_input/test_addresses", "flows/test_aws_mishaps",
    "faults/test_deliveries", "flows/test_journey", "flows/test_broken_set_ups", "bad_input/test_forms",
    "faults/test_database", "portal/test_isolation", "flows/test_sealed", "faults/test_fault_points",
    "bad_input/test_queries", "flows/test_fault_scripts", "destinations/services/test_reconciling",
    "destinations/services/test_backfilling", "flows/test_demo", "queries/test_plans", "flows/test_outages",
    "destinations/services/test_lives",
]  # fmt: skip
ORDER = {f"tests/{name}.py": number for number, name in enumerate(LONGEST)}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The public data sets are read only where they are named: elsewhere their tests are not collected."""
    if not os.environ.get("PUBLIC_DATA"):
        items[:] = [item for item in items if item.get_closest_marker("shared_data") is None]
    items.sort(key=lambda item: ORDER.get(item.nodeid.partition("::")[0], len(ORDER)))
