"""What staff look at in the console is written into the audit log of the team whose data it is (ux.md, pattern 24).

One event for an object; for a list, one for each team with rows on the page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from apps.audit.events import ActorKind, Place
from apps.audit.request_facts import actor_behind
from apps.audit.services import record_event

from ..models import Workspace


def record_support_view(request: HttpRequest, rows: Iterable[Any], *, listed: bool) -> None:
    """Write that the signed-in person saw `rows`; what belongs to no team leaves no event."""
    by = actor_behind(request, ActorKind.SUPPORT, actor_id=request.user.pk, label=request.user.get_username())
    if listed:
        counts = Counter((place.workspace_id, kind_of(row)) for row in rows if (place := place_behind(row)))
        for (workspace_id, kind), count in counts.items():
            place = Place(workspace_id=workspace_id)
            record_event(action="support.listed", by=by, place=place, target_type=kind, detail={"rows": count})
        return
    for row in rows:
        if place := place_behind(row):
            record_event(action="support.viewed", by=by, place=place, target_type=kind_of(row), target_id=row.pk)


def place_behind(row: Any) -> Place | None:
    """Return whose row it is: its own or its application's workspace; None for what all teams share."""
    if isinstance(row, Workspace):
        return Place(workspace_id=str(row.pk))
    application = getattr(row, "application", None)
    if application is None and hasattr(row, "application_id"):  # an audit event: names, no foreign keys
        place = Place(workspace_id=row.workspace_id, application_id=row.application_id, mode=row.mode)
        return place if row.workspace_id else None
    application = application or row
    if not hasattr(application, "workspace_id"):
        return None
    return Place(
        workspace_id=str(application.workspace_id),
        application_id=str(application.pk),
        mode=str(getattr(row, "mode", "")),
    )


def kind_of(row: Any) -> str:
    """Name a row's kind as audit events do: `sync_job`."""
    return str(row._meta.verbose_name).replace(" ", "_")
