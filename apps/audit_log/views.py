"""The audit trail of a whole workspace: all applications, both modes, and the team itself."""

from __future__ import annotations

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.workspaces.models import Membership
from apps.workspaces.scoped_admin import Crumb, Need, render_page, workspace_page

from . import presenters

PAGE = 50


@workspace_page(Need.READ)
def workspace_audit(request: HttpRequest) -> HttpResponse:
    """Show a page of events; `?before=<id>` asks for those before one."""
    membership: Membership = request.membership  # type: ignore[attr-defined]
    events = AuditEvent.objects.filter(workspace_id=str(membership.workspace_id)).order_by("-id")
    before = request.GET.get("before", "")
    if before:
        if not before.isascii() or not before.isdigit() or len(before) > 18:
            raise BadRequest("before is the number of an event")
        events = events.filter(id__lt=int(before))
    page = list(events[: PAGE + 1])
    context = {
        "events": [
            {
                "event": event,
                "actor": presenters.actor(event),
                "words": presenters.describe(event),
                "detail": presenters.detail(event),
            }
            for event in page[:PAGE]
        ],
        "older": page[PAGE - 1].id if len(page) > PAGE else None,
    }
    crumbs: list[Crumb] = [(membership.workspace.name, reverse("home")), ("Audit log", "")]
    return render_page(request, "audit_log/workspace_audit.html", context, title="Audit log", crumbs=crumbs)
