"""Workspaces themselves: make, rename, ask every member for a second factor."""

from __future__ import annotations

from django.db import transaction

from apps.audit.events import Actor, Place
from apps.audit.services import record_event
from apps.mails.kinds import MailKind
from apps.mails.places import mail_place
from apps.mails.services import send_mail

from ..models import Membership, Role, User, Workspace
from ..selectors import has_second_factor


class OwnFactorMissing(Exception):
    def __init__(self) -> None:
        super().__init__("Set up a second factor of your own first: the rule would lock you out.")


@transaction.atomic
def create_workspace(*, name: str, slug: str, owner: User, by: Actor) -> Workspace:
    workspace = Workspace.objects.create(name=name, slug=slug)
    Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
    _record("workspace.created", workspace, by, {})
    return workspace


@transaction.atomic
def rename_workspace(*, workspace: Workspace, name: str, by: Actor) -> None:
    """Give it another name; its short name is in addresses and stays."""
    if Workspace.objects.filter(pk=workspace.pk).exclude(name=name).update(name=name):
        _record("workspace.renamed", workspace, by, {"fields": ["name"]})


@transaction.atomic
def require_second_factor(*, workspace: Workspace, person: User, by: Actor) -> None:
    """Close the workspace to members without a second factor. Raises: OwnFactorMissing."""
    if not has_second_factor(person.pk):
        raise OwnFactorMissing
    changed = Workspace.objects.filter(pk=workspace.pk, requires_second_factor=False)
    if changed.update(requires_second_factor=True):
        _record("workspace.second_factor_required", workspace, by, {})
        _tell_members(workspace, "required", by)


@transaction.atomic
def stop_requiring_second_factor(*, workspace: Workspace, by: Actor) -> None:
    changed = Workspace.objects.filter(pk=workspace.pk, requires_second_factor=True)
    if changed.update(requires_second_factor=False):
        _record("workspace.second_factor_not_required", workspace, by, {})
        _tell_members(workspace, "not_required", by)


def _tell_members(workspace: Workspace, change: str, by: Actor) -> None:
    people = User.objects.filter(is_active=True, memberships__workspace=workspace).order_by("pk")
    send_mail(
        kind=MailKind.SECOND_FACTOR_CHANGED,
        to=people.values_list("email", flat=True),
        context={"change": change},
        place=mail_place(workspace),
        by=by,
    )


def _record(action: str, workspace: Workspace, by: Actor, detail: dict[str, object]) -> None:
    record_event(
        action=action,
        by=by,
        place=Place(workspace_id=str(workspace.id)),
        target_type="workspace",
        target_id=workspace.id,
        detail=detail,
    )
