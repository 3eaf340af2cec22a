"""The plan of every statement that runs, asked of the server right before it does.

With sequential scans forbidden to the planner, one that is left has no index to go by, however few rows a test has;
without joins that read both sides whole, each row of one side is looked up in the other.
An index that is read from end to end is no better; under a LIMIT it is the order of a list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import psycopg
from django.apps import apps
from django.db import connection

# Rows of these are made by people or by the operator, a few at a time.
SMALL = frozenset({
    "account_emailaddress", "account_emailconfirmation", "applications_application", "applications_apikey",
    "applications_liveaccessrequest", "applications_redirecturi", "auth_group", "auth_permission",
    "authorizations_consenttext", "authorizations_signingkey", "destinations_destination",
    "destinations_destinationsecret", "directory_endpoint", "directory_endpointbudget", "django_content_type",
    "mfa_authenticator",
    "workspaces_invitation", "workspaces_membership", "workspaces_user", "workspaces_workspace",
})  # fmt: skip
EXPLAINED = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
SCANS = {"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"}
SORTS = {"Sort", "Aggregate", "Hash"}


@dataclass
class Plans:
    """What was found. `scans` names statements by table; `statements` counts what was looked at."""

    statements: set[str] = field(default_factory=set)
    scans: dict[str, set[str]] = field(default_factory=dict)

    def look_at(self, statement: str, plan: dict[str, Any]) -> None:
        self.statements.add(statement)
        for table in sorted(set(_read_whole(plan, is_limited=False)) & growing_tables()):
            self.scans.setdefault(table, set()).add(statement)


def growing_tables() -> set[str]:
    return {model._meta.db_table for model in apps.get_models(include_auto_created=True)} - SMALL


@lru_cache(maxsize=1)
def partial_indexes() -> frozenset[str]:
    """Return the indexes that hold what waits, or the like, and not a table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL")
        return frozenset(name for (name,) in cursor.fetchall())


def _read_whole(node: dict[str, Any], *, is_limited: bool, table: str = "") -> Iterator[str]:
    """Yield the tables that a plan reads from end to end."""
    kind, table = node["Node Type"], node.get("Relation Name", table)
    is_limited = is_limited or kind == "Limit"
    is_whole = "Index Cond" not in node and node.get("Index Name") not in partial_indexes() and not is_limited
    if kind == "Seq Scan" or (kind in SCANS and is_whole):
        yield table  # a bitmap scan names it in the node above
    for child in node.get("Plans", ()):
        # What sorts or groups reads all of its input first.
        yield from _read_whole(child, is_limited=is_limited and kind not in SORTS, table=table)


@contextmanager
def watched(monkeypatch: Any) -> Iterator[Plans]:
    """Look at the plan of everything that this process asks of its database."""
    found, execute = Plans(), psycopg.Cursor.execute

    def look_then_execute(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        text = query.as_string(self) if isinstance(query, psycopg.sql.Composable) else str(query)
        if EXPLAINED.match(text) and text not in found.statements and not _is_in_error(self):
            explain = psycopg.sql.SQL("EXPLAIN (FORMAT JSON) {}").format(psycopg.sql.SQL(text))
            with psycopg.ClientCursor(self.connection) as cursor:
                ((plan,),) = execute(cursor, explain.as_string(cursor), params).fetchall()
            found.look_at(text, (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
        return execute(self, query, params, **options)

    partial_indexes()  # before the look-out: it is a statement too
    with connection.cursor() as cursor:
        for each in ("seqscan", "hashjoin", "mergejoin"):
            cursor.execute(f"SET enable_{each} = off")
    monkeypatch.setattr(psycopg.Cursor, "execute", look_then_execute)
    try:
        yield found
    finally:
        monkeypatch.setattr(psycopg.Cursor, "execute", execute)
        connection.close()


def _is_in_error(cursor: Any) -> bool:
    return bool(cursor.connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR)
