"""`manage.py runworker`: the supervisor and its cluster (PID 1 of a container, or a service unit)."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.workers.supervisor import Supervisor


class Command(BaseCommand):
    help = "Run the workers: syncs, deliveries, and the sweeper, under a supervisor."

    def handle(self, *args: Any, **options: Any) -> None:
        Supervisor(Path(settings.BASE_DIR) / "manage.py").run()
