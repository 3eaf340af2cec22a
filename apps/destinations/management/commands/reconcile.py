"""`manage.py reconcile`: compare storage with our records, print what differs; exit 1 if anything does.

Exit 2 says that a comparison could not be made. Source: `services.reconciling`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.audit.events import SYSTEM
from apps.outbox.transitions import IllegalTransition

from ...models import Destination, Reconciliation
from ...selectors import COUNTED, policies_for_reading
from ...services import AlreadyReconciling, reconcile_now
from ...states import DestinationState, FindingKind, ReconciliationState

COMPARED = (DestinationState.READY, DestinationState.ENABLED, DestinationState.PAUSED)
UNMADE = 2


class Command(BaseCommand):
    help = "Compare what lies in a destination's storage with what was delivered. Exit 1 if something differs."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--destination", type=UUID, metavar="ID", help="only this one")
        which.add_argument("--all", action="store_true", help="all that are ready, enabled or paused")
        parser.add_argument("--json", action="store_true", help="one JSON object a line, one line a destination")

    def handle(self, *args: Any, destination: UUID | None, **options: Any) -> None:
        found = unmade = 0
        for each in self._wanted(destination):
            try:
                run = reconcile_now(destination=each, by=SYSTEM)
            except (AlreadyReconciling, IllegalTransition) as refusal:
                self.stderr.write(f"{each.pk}: {refusal}")
                unmade += 1
                continue
            for line in _as_json(run) if options["json"] else _as_text(run):
                self.stdout.write(line)
            found += sum(run.counts.get(kind, 0) for kind in FindingKind)
            unmade += run.state != ReconciliationState.COMPLETED
        if unmade:
            raise CommandError(f"{unmade} could not be compared.", returncode=UNMADE)
        if found:
            raise CommandError(f"{found} findings.")

    def _wanted(self, pk: UUID | None) -> list[Destination]:
        """Raises: CommandError."""
        rows = Destination.objects.order_by("created_at", "id")
        wanted = list(rows.filter(state__in=COMPARED) if pk is None else rows.filter(pk=pk))
        if pk is not None and not wanted:
            raise CommandError("There is no such destination.", returncode=UNMADE)
        return wanted


def _as_json(run: Reconciliation) -> Iterator[str]:
    yield json.dumps(
        {
            "destination_id": str(run.destination_id),
            "reconciliation_id": str(run.pk),
            "state": run.state,
            "compared_bytes": run.compared_bytes,
            "counts": {name: run.counts.get(name, 0) for name in COUNTED},
            "findings": run.findings,
            "error_code": run.error_code,
            "error_message": run.error_message,
        },
        ensure_ascii=False,
    )


def _as_text(run: Reconciliation) -> Iterator[str]:
    destination = run.destination
    yield f"{destination.name} ({destination.pk}), s3://{destination.bucket}/{destination.prefix}: {run.state}"
    yield "  " + ", ".join(f"{name} {run.counts.get(name, 0)}" for name in COUNTED)
    for each in run.findings:
        yield f"  {each['kind']:11} {each['key'] or '-'}  {each['message']}"
    if run.error_message:
        yield f"  {run.error_code}: {run.error_message}"
    for where, text in policies_for_reading(run).items():
        yield f"  {where}:\n{text}"
