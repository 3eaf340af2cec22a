"""Writes on workspaces and memberships; each with its audit event in one transaction."""

from __future__ import annotations

from django.db import transaction

from apps.audit.events import Actor, Place
from apps.audit.services import record_event

from .models import Membership, Role, User, Workspace


class LastOwner(Exception):
    """A workspace keeps at least one owner."""

    def __init__(self) -> None:
        super().__init__("The last owner cannot go. Make somebody else an owner first.")


@transaction.atomic
def create_workspace(*, name: str, slug: str, owner: User, by: Actor) -> Workspace:
    workspace = Workspace.objects.create(name=name, slug=slug)
    Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
    record_event(
        action="workspace.created",
        by=by,
        place=Place(workspace_id=str(workspace.id)),
        target_type="workspace",
        target_id=workspace.id,
    )
    return workspace


@transaction.atomic
def add_member(*, workspace: Workspace, user: User, role: Role, by: Actor) -> Membership:
    membership = Membership.objects.create(workspace=workspace, user=user, role=role)
    _record("membership.added", membership, by, {"role": role.value})
    return membership


@transaction.atomic
def change_role(*, membership: Membership, role: Role, by: Actor) -> None:
    """Raises: LastOwner."""
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
    membership.refresh_from_db()
    before = membership.role
    if before == Role.OWNER and role != Role.OWNER:
        _check_other_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    _record("membership.role_changed", membership, by, {"before": before, "after": role.value})


@transaction.atomic
def remove_member(*, membership: Membership, by: Actor) -> None:
    """Raises: LastOwner."""
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
    membership.refresh_from_db()
    if membership.role == Role.OWNER:
        _check_other_owner(membership)
    _record("membership.removed", membership, by, {"role": membership.role})
    membership.delete()


def _check_other_owner(membership: Membership) -> None:
    others = Membership.objects.filter(workspace=membership.workspace_id, role=Role.OWNER)
    if not others.exclude(pk=membership.pk).exists():
        raise LastOwner


def _record(action: str, membership: Membership, by: Actor, detail: dict[str, str]) -> None:
    record_event(
        action=action,
        by=by,
        place=Place(workspace_id=str(membership.workspace_id)),
        target_type="user",
        target_id=membership.user_id,
        detail=detail,
    )
