"""Statements of the hot paths: bound by the server and planned once per connection.

Owns how they are run; refuses to know what they say. A claim of a delivery took longer to plan than to run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from django.db import connection, models

Instance = TypeVar("Instance", bound=models.Model)


def run(query: str, parameters: Sequence[Any] | Mapping[str, Any]) -> psycopg.Cursor[tuple[Any, ...]]:
    """Run a statement in the present transaction, or in one of its own. Raises: django.db.Error."""
    connection.close_if_health_check_failed()  # once per request, as a cursor of Django's own does
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        return psycopg.Cursor(connection.connection).execute(query.encode(), parameters, prepare=True)


def columns_of(model: type[models.Model], alias: str) -> str:
    """Return the model's columns as `read` takes them."""
    return ", ".join(f"{alias}.{field.column}" for field in model._meta.concrete_fields)


def read(model: type[Instance], values: Sequence[Any]) -> Instance:
    """Make an instance of the values of `columns_of`."""
    fields = model._meta.concrete_fields
    taken = [
        field.from_db_value(value, None, connection) if hasattr(field, "from_db_value") else value
        for field, value in zip(fields, values, strict=True)
    ]
    return model.from_db(connection.alias, [field.attname for field in fields], taken)
