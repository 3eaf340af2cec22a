"""One database, payer, local AWS and supervisor for all cases of a file: each case is a team of its own.

Nothing is emptied between the cases, because the cluster goes on working; the tables are emptied at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from apps.authorizations.models import ConsentText
from apps.authorizations.smart import door
from apps.destinations.selectors import s3_sessions
from apps.directory.services import register_sandbox_endpoints
from apps.sandbox.payer.server import LocalPayer
from tests.chaos.workers import Workers
from tests.flows.conftest import LocalAws, local_aws, payer

from .place import Place

__all__ = ["local_aws", "payer"]
# Short, so that a lost worker is noticed while somebody waits for it.
SHORT = {
    "LEASE_SECONDS": "2", "SWEEP_SECONDS": "1", "STALL_SECONDS": "20", "STOP_SECONDS": "5", "Q_POLL_SECONDS": "0.1",
}  # fmt: skip


@pytest.fixture(scope="module")
def place(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    payer: LocalPayer,
    local_aws: LocalAws,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """A product without workers: cases bring their own."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patched:
        for name, value in {"AWS_ENDPOINT_URL": local_aws.url, "AWS_REGION": "us-east-1", **local_aws.our_key}.items():
            patched.setenv(name, value)
        patched.setattr(settings, "SANDBOX_PAYER_URL", payer.url)
        door.cache_clear()
        s3_sessions.cache_clear()
        register_sandbox_endpoints(payer_url=payer.url, client_id="record-relay-sandbox")
        ConsentText.objects.get_or_create(version="2026-11", locale="en", defaults={"body": "…"})
        yield Place(payer_url=payer.url, cloud_url=local_aws.url, folder=tmp_path_factory.mktemp("faults"))
        door.cache_clear()
        s3_sessions.cache_clear()
        call_command("flush", verbosity=0, interactive=False)
        connection.close()


@pytest.fixture(scope="module")
def workers(place: Place) -> Iterator[Workers]:
    """The supervisor that the cases of a file share."""
    with Workers(place.folder / "shared", place.environment(SHORT | {"FAULTS": "1"})) as running:
        running.wait_until_up()
        yield running


@pytest.fixture
def _django_db_helper(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """pytest-django's own would empty the tables, or roll back, under the feet of the cluster."""
    with django_db_blocker.unblock():
        yield
