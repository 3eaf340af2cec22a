"""Members and their roles; a workspace keeps an owner."""

from __future__ import annotations

from django.db import transaction

from apps.audit.events import Actor, Place
from apps.audit.services import record_event
from apps.mails.composing import Value
from apps.mails.kinds import MailKind
from apps.mails.places import mail_place
from apps.mails.services import mail_owners_and_admins, send_mail

from ..models import Membership, Role, User, Workspace


class LastOwner(Exception):
    """A workspace keeps at least one owner."""

    def __init__(self) -> None:
        super().__init__("The last owner cannot go. Make somebody else an owner first.")


class AlreadyMember(Exception):
    def __init__(self) -> None:
        super().__init__("This person is a member already.")


@transaction.atomic
def add_member(*, workspace: Workspace, user: User, role: Role, by: Actor) -> Membership:
    """Raises: AlreadyMember."""
    membership, is_new = Membership.objects.get_or_create(workspace=workspace, user=user, defaults={"role": role})
    if not is_new:
        raise AlreadyMember
    _record("membership.added", membership, by, {"role": role.value})
    _tell(MailKind.MEMBER_ADDED, MailKind.YOU_WERE_ADDED, membership, by, role=role.value)
    return membership


@transaction.atomic
def change_role(*, membership: Membership, role: Role, by: Actor) -> None:
    """Raises: LastOwner."""
    _lock(membership)
    before = membership.role
    if before == role:
        return
    if before == Role.OWNER:
        _check_other_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    _record("membership.role_changed", membership, by, {"before": before, "after": role.value})
    told = {"before": str(before), "after": role.value}
    _tell(MailKind.ROLE_CHANGED, MailKind.YOUR_ROLE_CHANGED, membership, by, **told)


@transaction.atomic
def remove_member(*, membership: Membership, by: Actor) -> None:
    """Raises: LastOwner."""
    _lock(membership)
    if membership.role == Role.OWNER:
        _check_other_owner(membership)
    _record("membership.removed", membership, by, {"role": membership.role})
    _tell(MailKind.MEMBER_REMOVED, MailKind.YOU_WERE_REMOVED, membership, by)
    membership.delete()


def _lock(membership: Membership) -> None:
    # One writer of owners at a time, or two of them could each believe that the other one stays.
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
    membership.refresh_from_db()


def _check_other_owner(membership: Membership) -> None:
    others = Membership.objects.filter(workspace=membership.workspace_id, role=Role.OWNER, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise LastOwner


def _tell(kind: MailKind, to_member: MailKind, membership: Membership, by: Actor, **context: Value) -> None:
    """Tell the person, in words for them, and everybody else who administers the workspace."""
    member, place = membership.user.email, mail_place(membership.workspace)
    send_mail(kind=to_member, to=[member], context=context, place=place, by=by)
    mail_owners_and_admins(kind=kind, context={"member": member, **context}, place=place, by=by, but=member)


def _record(action: str, membership: Membership, by: Actor, detail: dict[str, str]) -> None:
    record_event(
        action=action,
        by=by,
        place=Place(workspace_id=str(membership.workspace_id)),
        target_type="user",
        target_id=membership.user_id,
        detail=detail,
    )
