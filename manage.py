#!/usr/bin/env python
"""The one command line. Starts the embedded PostgreSQL for the commands that need a database."""

import os
import sys
import threading
from pathlib import Path

from portal.local_secrets import ensure_local_secrets

# Importing settings starts nothing (rulings A3): only these commands do.
NEEDS_DATABASE = frozenset(
    {
        "demo",
        "run",
        "runworker",
        "migrate",
        "shell",
        "audit",
        "rotate_keys",
        "createsuperuser",
        "grant_live_access",
        "purge_expired",
        "enqueue_due_syncs",
        "import_endpoints",
        "dbshell",
        "create_support_user",
    }
)
LONG_RUNNING = frozenset({"demo", "run", "runworker"})


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.management import execute_from_command_line

    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command not in NEEDS_DATABASE:
        execute_from_command_line(sys.argv)
        return
    root = Path(__file__).resolve().parent
    var = Path(os.environ.get("VAR") or root / "var").expanduser().absolute()
    ensure_local_secrets(var)
    if command == "demo":
        from apps.sandbox.demo.environment import prepare

        prepare(var)
    if os.environ.get("DATABASE_URL"):
        execute_from_command_line(sys.argv)
        return
    from django.conf import settings

    from portal.embedded_postgres import EmbeddedPostgres

    server = EmbeddedPostgres(settings.VAR)
    server.ensure_running()
    stop_watching = threading.Event()
    if command in LONG_RUNNING:
        threading.Thread(target=server.watch, args=(stop_watching,), daemon=True).start()
    try:
        execute_from_command_line(sys.argv)
    finally:
        stop_watching.set()
        if server.owns_server:  # asked now: the watcher may have healed it meanwhile
            server.stop()


if __name__ == "__main__":
    main()
