"""Two workspaces that must never see each other, and a storage that answers nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.urls import set_script_prefix
from pytest_django.fixtures import Settings

from apps.destinations.selectors import s3_sessions


@pytest.fixture(autouse=True)
def _plain_and_quick(settings: Settings) -> None:
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(autouse=True)
def _own_prefix() -> Iterator[None]:
    # The test client, unlike a server, does not set the script prefix anew for each request.
    set_script_prefix("/")
    cache.clear()
    yield
    set_script_prefix("/")


@pytest.fixture(autouse=True)
def _no_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    s3_sessions.cache_clear()
    yield
    s3_sessions.cache_clear()
