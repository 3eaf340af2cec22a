"""Claim, heartbeat, settle: conditional updates that carry the fence (design/queue.md 5.3).

Leases are compared by the database's clock; `attempts` is counted at the claim, so a crash counts.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection, models
from django.db.models import F
from django.db.models.functions import Now
from psycopg import sql

from .models import OutboxRow
from .statements import run

HEARTBEAT = sql.SQL(
    "UPDATE {} SET lease_until = statement_timestamp() + make_interval(secs => %s)"
    " WHERE id = %s AND lease_token = %s AND lease_until > statement_timestamp()"
)

Row = TypeVar("Row", bound=OutboxRow)


class LostLease(Exception):
    """Somebody else holds this row now: stop, write nothing."""


def lease_end() -> Any:
    return Now() + dt.timedelta(seconds=settings.LEASE_SECONDS)


def take(row: Row, *, from_states: tuple[str, ...], to_state: str) -> uuid.UUID | None:
    """Claim `row` if it is still in one of `from_states`; return the fence, None if somebody was faster."""
    token = uuid.uuid4()
    manager: models.Manager[Row] = type(row)._default_manager
    won = manager.filter(pk=row.pk, state__in=from_states).update(
        state=to_state, lease_token=token, lease_until=lease_end(), attempts=F("attempts") + 1
    )
    return token if won else None


def heartbeat(row: OutboxRow, token: uuid.UUID) -> None:
    """Prolong the lease. Raises: LostLease."""
    # Plain SQL: it is sent with every page of every source, and building the query took longer than running it.
    with connection.cursor() as cursor:
        cursor.execute(HEARTBEAT.format(sql.Identifier(row._meta.db_table)), [settings.LEASE_SECONDS, row.pk, token])
        if not cursor.rowcount:
            raise LostLease(str(row.pk))


def settle(row: OutboxRow, token: uuid.UUID, **changes: Any) -> None:
    """Write the outcome and give the lease back, if we still hold it. Raises: LostLease."""
    if any(hasattr(value, "resolve_expression") for value in changes.values()):
        held = type(row)._default_manager.filter(pk=row.pk, lease_token=token)
        written = held.update(lease_token=None, lease_until=None, **changes)
    else:
        fields = [field for field in row._meta.concrete_fields if field.name in changes]
        sets = "".join(f", {field.column} = %s" for field in fields)
        query = f"UPDATE {row._meta.db_table} SET lease_token = NULL, lease_until = NULL{sets}"  # noqa: S608
        values = [field.get_db_prep_save(changes[field.name], connection) for field in fields]
        written = run(f"{query} WHERE id = %s AND lease_token = %s", [*values, row.pk, token]).rowcount
    if not written:
        raise LostLease(str(row.pk))
