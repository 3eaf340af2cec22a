"""A team, the sandbox payer for real, and settings that keep tests quick."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from apps.applications.keys import KeyKind, Mode
from apps.applications.services import decide_live_access, issue_api_key, request_live_access
from apps.audit.events import SYSTEM
from apps.authorizations.smart import door
from apps.directory.services import register_sandbox_endpoints
from apps.sandbox.payer.server import LocalPayer
from apps.workspaces.models import Workspace
from tests.factories import NOW
from tests.flows.conftest import payer
from tests.flows.world import Team, make_team

__all__ = ["payer"]


@pytest.fixture(autouse=True)
def quick(settings: Settings) -> None:
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def payer_url(payer: LocalPayer, db: DjangoDbBlocker, settings: Settings) -> Iterator[str]:
    """The payer's address, with its endpoints registered in both modes (rulings B22)."""
    settings.SANDBOX_PAYER_URL, settings.SANDBOX_PAYER_AS_LIVE = payer.url, True
    door.cache_clear()
    payer.state.faults.reset()
    register_sandbox_endpoints(payer_url=payer.url, client_id="record-relay-sandbox", as_live=True)
    yield payer.url
    payer.state.faults.reset()
    door.cache_clear()


@pytest.fixture
def team(db: DjangoDbBlocker) -> Team:
    assert Workspace.objects.count() == 0
    return make_team()


@pytest.fixture
def other_team(team: Team) -> Team:
    return make_team("zeta")


@pytest.fixture
def live_keys(team: Team) -> tuple[str, str]:
    """Publishable and secret live keys of `team`, after support has granted live access."""
    asked = request_live_access(application=team.application, purpose="Care.", by=SYSTEM)
    decide_live_access(request=asked, granted=True, notes="", by=SYSTEM, now=NOW)
    team.application.refresh_from_db()
    public, secret = (
        issue_api_key(application=team.application, mode=Mode.LIVE, kind=kind, by=SYSTEM).value
        for kind in (KeyKind.PUBLISHABLE, KeyKind.SECRET)
    )
    return public, secret
