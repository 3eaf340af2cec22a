"""The audit trail of a whole workspace: all applications, both modes, and the team itself."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse

from apps.workspaces.scoped_admin import Need, membership_of, workspace_page

from .admin import WorkspaceAuditAdmin


@workspace_page(Need.READ)
def workspace_audit(request: HttpRequest) -> HttpResponse:
    return _list_of(request).changelist_view(request)


@workspace_page(Need.READ)
def workspace_audit_csv(request: HttpRequest) -> HttpResponse:
    return cast("HttpResponse", _list_of(request).csv_view(request))  # a stream, guarded like every answer


@workspace_page(Need.READ)
def workspace_event(request: HttpRequest, object_id: int) -> HttpResponse:
    return _list_of(request).object_view(request, object_id)


def _list_of(request: HttpRequest) -> WorkspaceAuditAdmin:
    return WorkspaceAuditAdmin(membership_of(request).workspace.slug)
