"""What watches over a destination by itself or when asked to: the daily look, and the comparison with its storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..models import ConnectionTest, Destination
from ..selectors import find_drift
from ..views.shown_runs import ShownRun
from ..views.shown_tests import ShownTest


def watch_context(found: Destination, tests: Sequence[ConnectionTest]) -> dict[str, Any]:
    """Return what the page of a destination says of them; `tests` are its last ones, newest first."""
    may_drift = found.enabled and bool(tests) and not tests[0].passed
    drift = find_drift(found) if may_drift else None
    newest = found.reconciliations.order_by("-created_at", "id").first()
    return {"drift": ShownTest(drift) if drift else None, "compared": ShownRun(newest) if newest else None}
