"""`manage.py audit verify|seal`: check every workspace's chain, or seal what waits."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.audit.selectors import count_unsealed, list_chains, verify_chain
from apps.audit.services import seal_events


class Command(BaseCommand):
    help = "Verify the audit chains (exit 1 if one is broken), or seal waiting events."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["verify", "seal"])

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        if action == "seal":
            self.stdout.write(f"{seal_events()} events sealed")
            return
        broken = 0
        for workspace_id in list_chains():
            for place in verify_chain(workspace_id):
                broken += 1
                self.stdout.write(f"{workspace_id or 'system'}: event {place.event_id}: {place.what}")
            self.stdout.write(f"{workspace_id or 'system'}: {count_unsealed(workspace_id)} events not sealed yet")
        if broken:
            raise CommandError(f"{broken} places do not hold.")
        self.stdout.write("Every chain holds.")
