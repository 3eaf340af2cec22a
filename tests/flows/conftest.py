"""The sandbox payer and the local AWS, for real, for every journey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from pytest_django.fixtures import Settings

from apps.authorizations.smart import door
from apps.destinations.selectors import s3_sessions
from apps.directory.services import register_sandbox_endpoints
from apps.sandbox.cloud.server import LocalCloud
from apps.sandbox.payer.server import LocalPayer
from apps.workspaces.models import Workspace

from . import world


class LocalAws(NamedTuple):
    url: str
    our_key: dict[str, str]


@pytest.fixture(scope="package")
def payer() -> Iterator[LocalPayer]:
    with LocalPayer() as server:
        yield server


@pytest.fixture(scope="package")
def local_aws() -> Iterator[LocalAws]:
    with LocalCloud() as cloud:
        yield LocalAws(cloud.url, world.make_our_side(cloud.url))


@pytest.fixture
def payer_url(payer: LocalPayer, settings: Settings, request: pytest.FixtureRequest) -> Iterator[str]:
    settings.SANDBOX_PAYER_URL = payer.url
    door.cache_clear()
    assert Workspace.objects.count() == 0
    register_sandbox_endpoints(payer_url=payer.url, client_id="record-relay-sandbox")
    yield payer.url
    door.cache_clear()


@pytest.fixture
def cloud_url(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in {
        "AWS_ENDPOINT_URL": local_aws.url,
        "AWS_REGION": "us-east-1",
        **local_aws.our_key,
    }.items():
        monkeypatch.setenv(name, value)
    s3_sessions.cache_clear()
    yield local_aws.url
    s3_sessions.cache_clear()
