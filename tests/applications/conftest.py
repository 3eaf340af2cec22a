"""The same world as the authorizations' tests."""

from tests.authorizations.conftest import live_keys, other_team, quick, team

__all__ = ["live_keys", "other_team", "quick", "team"]
