"""What becomes of the database after a test that commits: the rows that it left are taken away.

Django's own flush truncates every table and writes permissions and content types anew, however few rows there are;
this deletes from those tables that hold any, with the triggers of foreign keys switched off. And the server of the
tests does not wait for the disk: no test pulls the plug of the machine. What is committed outlives the server all
the same, however it ends.
"""

from __future__ import annotations

import psycopg
from django.db import connection, transaction

# Written by `migrate`, and the same for every test.
KEPT = {"django_content_type", "auth_permission"}


def prepare_server() -> None:
    """As the superuser: let the role that the tests sign in as switch triggers off; do not wait for the disk."""
    role, password, host = (connection.settings_dict[name] for name in ("USER", "PASSWORD", "HOST"))
    with psycopg.connect(
        user="postgres", password=password, host=host, dbname="postgres", autocommit=True
    ) as superuser:  # fmt: skip
        superuser.execute(f"GRANT SET ON PARAMETER session_replication_role TO {role}")
        superuser.execute("ALTER SYSTEM SET fsync = off")
        superuser.execute("SELECT pg_reload_conf()")


def empty_tables(test_case: object = None) -> None:
    """Delete all rows but those that `migrate` wrote of itself; in place of `TransactionTestCase`'s own way."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = {name: connection.ops.quote_name(name) for name in names if name not in KEPT}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {it})" for name, it in tables.items())
        )
        if filled := [tables[name] for (name,) in cursor.fetchall()]:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("; ".join(f"DELETE FROM {table}" for table in filled))
