"""A running product with the sandbox payer behind it, and a team with keys of both modes."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.applications.keys import KeyKind, Mode
from apps.applications.services import decide_live_access, issue_api_key, request_live_access
from apps.audit.events import SYSTEM
from tests.authorizations.journey import consent_text
from tests.factories import NOW
from tests.flows.conftest import payer, payer_url
from tests.flows.test_consent_in_browser import public_url
from tests.flows.world import Team, make_team

from .node import install_packages

__all__ = ["payer", "payer_url", "public_url"]


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_packages(tmp_path_factory.mktemp("clients"))


@pytest.fixture
def team(payer_url: str, public_url: str) -> Team:
    consent_text()
    return make_team()


@pytest.fixture
def live_pair(team: Team) -> tuple[str, str]:
    asked = request_live_access(application=team.application, purpose="Care.", by=SYSTEM)
    decide_live_access(request=asked, granted=True, notes="", by=SYSTEM, now=NOW)
    team.application.refresh_from_db()
    public, secret = (
        issue_api_key(application=team.application, mode=Mode.LIVE, kind=kind, by=SYSTEM).value
        for kind in (KeyKind.PUBLISHABLE, KeyKind.SECRET)
    )
    return public, secret
