"""A workspace and its people, staff, and the quick settings of page tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import set_script_prefix
from pytest_django.fixtures import Settings

from apps.workspaces.models import Role
from tests.factories import World, client_of, make_user


@pytest.fixture(autouse=True)
def _quick(settings: Settings) -> None:
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    settings.ACCOUNT_RATE_LIMITS = {}


@pytest.fixture(autouse=True)
def _own_prefix() -> Iterator[None]:
    set_script_prefix("/")
    cache.clear()
    yield
    set_script_prefix("/")


@pytest.fixture
def owner(acme: World) -> Client:
    return client_of(acme.people[Role.OWNER])


@pytest.fixture
def staff(acme: World, settings: Settings) -> Client:
    settings.REQUIRE_SUPPORT_2FA = False
    return client_of(make_user("staff@example.com", staff=True))
