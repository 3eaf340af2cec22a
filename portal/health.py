"""`/healthz`: this process answers. `/readyz`: everything that it needs does (rulings C5)."""

from __future__ import annotations

import datetime as dt
import time

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.audit.selectors import oldest_unsealed_at
from apps.workers.clusters import Cause, ClusterState, living_reports
from apps.workers.sweeper import heartbeat_file

SWEEPER_LATE_SECONDS = 180.0
SEALER_LATE = dt.timedelta(minutes=5)


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Shape: {"status": "ready|not ready", "checks": {"database": "ok", …}, "restarts": {"exit": 0, "stall": 0}}.

    503 when not ready. `restarts` are those of this machine's clusters, by cause, since their supervisors started.
    """
    checks = {"database": "ok"}
    try:
        checks |= {"migrations": _migrations(), "sealer": _sealer()}
    except Error:
        checks["database"] = "does not answer"
        connection.close()
    checks |= {"sweeper": _sweeper(), "workers": _workers()}
    reports = living_reports()
    told = {
        "status": "ready" if set(checks.values()) == {"ok"} else "not ready",
        "checks": checks,
        "restarts": {cause.value: sum(each.restarts.get(cause, 0) for each in reports) for cause in Cause},
    }
    return JsonResponse(told, status=200 if told["status"] == "ready" else 503)


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return "ok" if not plan else f"{len(plan)} not applied: run manage.py migrate"


def _sweeper() -> str:
    """Read the sweeper's mark; on a machine without workers of its own the operator watches the others."""
    if not settings.EXPECT_LOCAL_WORKERS:
        return "ok"
    try:
        age = time.time() - heartbeat_file().stat().st_mtime
    except FileNotFoundError:
        return "has never run: start manage.py runworker"
    return "ok" if age < SWEEPER_LATE_SECONDS else f"last ran {int(age)} seconds ago"


def _workers() -> str:
    """Read what this machine's supervisors say of their clusters."""
    if not settings.EXPECT_LOCAL_WORKERS:
        return "ok"
    reports = living_reports()
    if not reports:
        return "no supervisor runs: start manage.py runworker"
    unwell = [each.state for each in reports if each.state != ClusterState.RUNNING]
    return "ok" if not unwell else f"cluster is {', '.join(unwell)}"


def _sealer() -> str:
    if not AuditEvent.objects.exists():
        return "ok"
    oldest = oldest_unsealed_at()
    late = oldest is not None and oldest < timezone.now() - SEALER_LATE
    return "ok" if not late else "audit events wait for their seal for more than 5 minutes"
