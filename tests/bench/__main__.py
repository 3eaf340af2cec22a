"""`make bench`: every figure as a ratio within one run on this machine; nothing here is asserted."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from .timing import Figure

PARTS = ("ingest", "delivery", "queue", "neighbours", "latency", "lists", "audit", "fhir")


@contextmanager
def database() -> Iterator[None]:
    """Run an embedded PostgreSQL in a folder of its own, with migrations applied; it is gone afterwards."""
    var = Path(tempfile.mkdtemp(prefix="record-relay-bench-"))
    os.environ |= {"VAR": str(var), "ALLOW_EMBEDDED_DATABASE": "1", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    os.environ.setdefault("WORKERS_PER_DESTINATION", "16")  # what is measured in threads of one process
    for name in ("DATABASE_URL", "DELIVERY_ROLE_ARN", "AWS_PROFILE"):
        os.environ.pop(name, None)
    import django

    from portal.embedded_postgres import EmbeddedPostgres
    from portal.local_secrets import ensure_local_secrets

    ensure_local_secrets(var)
    server = EmbeddedPostgres(var)
    server.ensure_running()
    try:
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        yield
    finally:
        server.stop("immediate")
        server.destroy()
        shutil.rmtree(var, ignore_errors=True)


def main(parts: list[str]) -> None:
    with database():
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, embedded PostgreSQL")
        for part in parts:
            measure: Callable[[], Iterator[Figure]] = import_module(f"tests.bench.{part}").measure
            for figure in measure():
                target = f"   (target {figure.target})" if figure.target else ""
                print(f"{part:10} {figure.what:60} {figure.value}{target}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(PARTS))
