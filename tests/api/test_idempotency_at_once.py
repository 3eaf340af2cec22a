"""`Idempotency-Key`: once, when the same request comes several times at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from apps.applications.keys import Mode
from apps.applications.models import IdempotencyRecord
from apps.applications.services import create_application
from apps.audit.events import SYSTEM
from apps.destinations.models import Destination
from apps.workspaces.models import User
from apps.workspaces.services import create_workspace

from .conftest import ROLE_ARN, make_scope

FIELDS = {"name": "New", "bucket": "clinic-new", "region": "us-east-1", "role_arn": ROLE_ARN}


@pytest.mark.django_db(transaction=True)
def test_concurrent_repeats_make_one_destination() -> None:
    owner = User.objects.create_user("owner@example.org")
    workspace = create_workspace(name="Acme", slug="acme", owner=owner, by=SYSTEM)
    scope = make_scope(create_application(workspace=workspace, name="Care", slug="care", by=SYSTEM), Mode.TEST)
    together = Barrier(6)

    def ask(_: int) -> int:
        together.wait(timeout=30)
        try:
            return int(scope.api().post("destinations", FIELDS, key="one").status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(ask, range(6)))
    assert statuses.count(201) == 1
    assert set(statuses) <= {200, 201, 409}
    assert Destination.objects.filter(name="New").count() == 1
    assert IdempotencyRecord.objects.count() == 1
