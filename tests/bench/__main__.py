"""`make bench`: every figure as a ratio within one run on this machine; nothing here is asserted."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from .timing import Figure

VAR = Path(tempfile.mkdtemp(prefix="record-relay-bench-"))
os.environ |= {"VAR": str(VAR), "ALLOW_EMBEDDED_DATABASE": "1", "DJANGO_SETTINGS_MODULE": "portal.settings"}
os.environ.pop("DATABASE_URL", None)
PARTS = ("ingest", "delivery", "queue", "latency", "lists", "audit")


def main(parts: list[str]) -> None:
    import django

    from portal.embedded_postgres import EmbeddedPostgres
    from portal.local_secrets import ensure_local_secrets

    ensure_local_secrets(VAR)
    server = EmbeddedPostgres(VAR)
    server.ensure_running()
    try:
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, embedded PostgreSQL")
        for part in parts:
            measure: Callable[[], Iterator[Figure]] = import_module(f"tests.bench.{part}").measure
            for figure in measure():
                target = f"   (target {figure.target})" if figure.target else ""
                print(f"{part:10} {figure.what:60} {figure.value}{target}", flush=True)
    finally:
        server.stop("immediate")
        server.destroy()
        shutil.rmtree(VAR, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(PARTS))
