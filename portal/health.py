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
from apps.workers.sweeper import heartbeat_file

SWEEPER_LATE_SECONDS = 180.0
SEALER_LATE = dt.timedelta(minutes=5)


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Shape: {"status": "ready|not ready", "checks": {"database": "ok", …}}; 503 when not ready."""
    checks = {"database": _database()}
    if checks["database"] == "ok":
        checks |= {"migrations": _migrations(), "sweeper": _sweeper(), "sealer": _sealer()}
    ready = all(told == "ok" for told in checks.values())
    return JsonResponse({"status": "ready" if ready else "not ready", "checks": checks}, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return "does not answer"
    return "ok"


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


def _sealer() -> str:
    if not AuditEvent.objects.exists():
        return "ok"
    oldest = oldest_unsealed_at()
    late = oldest is not None and oldest < timezone.now() - SEALER_LATE
    return "ok" if not late else "audit events wait for their seal for more than 5 minutes"
