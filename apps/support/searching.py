"""Find by a whole ID, over all teams: what a person who calls reads out, or what stands in a log.

Refuses names, users and object keys: staff look for a team in the list of workspaces.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model
from django.urls import reverse

from apps.applications.models import Application, LiveAccessRequest
from apps.audit.models import AuditEvent
from apps.authorizations.models import PatientAuthorization
from apps.destinations.models import Delivery, Destination
from apps.directory.models import Endpoint
from apps.mails.models import Mail
from apps.syncs.models import SyncJob
from apps.workspaces.models import Workspace

# Kind, model, its page in the console.
PAGES: tuple[tuple[str, type[Model], str], ...] = (
    ("Workspace", Workspace, "workspaces_workspace"),
    ("Application", Application, "applications_application"),
    ("Live access request", LiveAccessRequest, "applications_liveaccessrequest"),
    ("Sync job", SyncJob, "syncs_syncjob"),
    ("Delivery", Delivery, "destinations_delivery"),
    ("Endpoint", Endpoint, "directory_endpoint"),
    ("Mail", Mail, "mails_mail"),
)
# Kind, model, the list that its ID narrows: these have no page for staff.
LISTS: tuple[tuple[str, type[Model], str], ...] = (
    ("Deliveries of this destination", Destination, "destinations_delivery"),
    ("Sync jobs of this authorization", PatientAuthorization, "syncs_syncjob"),
)


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found. `row` is whose team is told that staff saw it; None for events, whose list tells."""

    kind: str
    text: str
    address: str
    row: Any


def find_by_id(text: str) -> list[Hit]:
    try:
        identifier = uuid.UUID(text)
    except ValueError:
        return []
    return list(_find(identifier))


def _find(identifier: uuid.UUID) -> Iterator[Hit]:
    for kind, model, page in PAGES:
        for row in model._default_manager.filter(pk=identifier):
            yield Hit(kind, str(row.pk), reverse(f"support:{page}_change", args=[row.pk]), row)
    query = urlencode({"q": identifier})
    for kind, model, page in LISTS:
        for row in model._default_manager.filter(pk=identifier):
            yield Hit(kind, str(row.pk), f"{reverse(f'support:{page}_changelist')}?{query}", row)
    if AuditEvent.objects.filter(request_id=str(identifier)).exists():
        address = f"{reverse('support:audit_auditevent_changelist')}?{query}"
        yield Hit("Audit events of this request", str(identifier), address, None)
