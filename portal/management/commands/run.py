"""`manage.py run`: the web server (gunicorn gthread, D14), after migrations and static files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Apply migrations, collect static files, and serve the web."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default=f"127.0.0.1:{os.environ.get('PORT', '8000')}")
        parser.add_argument("--threads", type=int, default=8)
        parser.add_argument("--workers", type=int, default=1)

    def handle(self, *args: Any, bind: str, threads: int, workers: int, **options: Any) -> None:
        call_command("migrate", verbosity=1, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        command = [
            sys.executable, "-m", "gunicorn", "portal.wsgi:application", "--chdir", str(settings.BASE_DIR),
            "--worker-class", "gthread", "--threads", str(threads), "--workers", str(workers),
            "--timeout", "120", "--no-control-socket", "--bind", bind,
        ]  # fmt: skip
        child = subprocess.Popen(command)  # noqa: S603
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: child.terminate())
        sys.exit(child.wait())
