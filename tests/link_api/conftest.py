"""The same world as the authorizations' tests."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from tests.authorizations.conftest import live_keys, other_team, payer, payer_url, quick, team

__all__ = ["live_keys", "other_team", "payer", "payer_url", "quick", "team"]


@pytest.fixture
def unlimited(settings: Settings) -> None:
    """More requests in a minute than anybody is allowed."""
    settings.LINK_PER_MINUTE = settings.TOKEN_PER_MINUTE = 0
