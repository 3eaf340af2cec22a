"""Two workspaces, one full, and the quick settings of page tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.urls import set_script_prefix
from pytest_django.fixtures import Settings


@pytest.fixture(autouse=True)
def _quick(settings: Settings) -> None:
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ACCOUNT_RATE_LIMITS = {}


@pytest.fixture(autouse=True)
def _own_prefix() -> Iterator[None]:
    set_script_prefix("/")
    cache.clear()
    yield
    set_script_prefix("/")
