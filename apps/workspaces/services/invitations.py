"""Invitations: send, send again, withdraw, accept. A token leaves this module in its mail and nowhere else.

The mail's body is sealed and is erased when it has left. Source: rulings B14 (`INVITATION_SECONDS`).
"""

from __future__ import annotations

import datetime as dt
import secrets

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.audit.events import Actor, Place
from apps.audit.services import record_event
from apps.encryption.fields import keyring
from apps.mails.kinds import MailKind
from apps.mails.places import mail_place
from apps.mails.services import send_mail

from ..models import Invitation, Membership, Role, User, Workspace
from ..selectors import TOKEN_PURPOSE, owns_address
from .members import AlreadyMember, add_member

# Mails to addresses that never asked for them: few enough that nobody can use us to flood a mailbox.
MOST_A_DAY = 50
RESEND_AFTER = dt.timedelta(minutes=5)


class AlreadyInvited(Exception):
    def __init__(self) -> None:
        super().__init__("This address is invited already. Send that invitation again, or withdraw it first.")


class TooManyInvitations(Exception):
    def __init__(self) -> None:
        super().__init__(f"A workspace can send {MOST_A_DAY} invitations a day. Try again tomorrow.")


class SentJustNow(Exception):
    def __init__(self) -> None:
        super().__init__("It was sent less than five minutes ago. Mails can take a while; look into spam as well.")


class InvitationClosed(Exception):
    def __init__(self) -> None:
        super().__init__("This invitation was accepted, was withdrawn, or has ended. Ask for a new one.")


class WrongPerson(Exception):
    def __init__(self) -> None:
        super().__init__("This invitation is for another address. Sign in with the address that it was sent to.")


@transaction.atomic
def invite_member(*, workspace: Workspace, email: str, role: Role, by: Actor, now: dt.datetime) -> Invitation:
    """Raises: AlreadyMember, AlreadyInvited, TooManyInvitations."""
    Workspace.objects.select_for_update().get(pk=workspace.pk)  # so that the count below holds
    if Membership.objects.filter(workspace=workspace, user__email__iexact=email).exists():
        raise AlreadyMember
    if workspace.invitations.filter(created_at__gt=now - dt.timedelta(days=1)).count() >= MOST_A_DAY:
        raise TooManyInvitations
    token, digest = _new_token()
    try:
        with transaction.atomic():
            invitation = Invitation.objects.create(
                workspace=workspace,
                email=email,
                role=role,
                digest=digest,
                invited_by=by.label[:200],
                created_at=now,
                sent_at=now,
                expires_at=now + _life(),
            )
    except IntegrityError:
        raise AlreadyInvited from None
    _record("invitation.sent", invitation, by)
    _send(invitation, token, by)
    return invitation


@transaction.atomic
def resend_invitation(*, invitation: Invitation, by: Actor, now: dt.datetime) -> None:
    """Send a new link, good for as long again; the old one is dead. Raises: InvitationClosed, SentJustNow."""
    row = _lock(invitation)
    if row.accepted_at is not None or row.withdrawn_at is not None:
        raise InvitationClosed
    if now < row.sent_at + RESEND_AFTER:
        raise SentJustNow
    token, row.digest = _new_token()
    row.sent_at, row.expires_at = now, now + _life()
    row.save(update_fields=["digest", "sent_at", "expires_at"])
    _record("invitation.resent", row, by)
    _send(row, token, by)


@transaction.atomic
def withdraw_invitation(*, invitation: Invitation, by: Actor, now: dt.datetime) -> None:
    """Raises: InvitationClosed for one that was accepted; withdrawing twice changes nothing."""
    row = _lock(invitation)
    if row.accepted_at is not None:
        raise InvitationClosed
    if row.withdrawn_at is None:
        row.withdrawn_at, row.withdrawn_by = now, by.label[:200]
        row.save(update_fields=["withdrawn_at", "withdrawn_by"])
        _record("invitation.withdrawn", row, by)


@transaction.atomic
def accept_invitation(*, invitation: Invitation, user: User, by: Actor, now: dt.datetime) -> Membership:
    """Make the person a member, once. Raises: InvitationClosed, WrongPerson, AlreadyMember."""
    row = _lock(invitation)
    # The link that was opened may have been replaced by a later one meanwhile.
    if not row.is_open(now) or bytes(row.digest) != bytes(invitation.digest):
        raise InvitationClosed
    if not owns_address(user, row.email):
        raise WrongPerson
    membership = add_member(workspace=row.workspace, user=user, role=Role(row.role), by=by)
    row.accepted_at, row.accepted_by = now, by.label[:200]
    row.save(update_fields=["accepted_at", "accepted_by"])
    _record("invitation.accepted", row, by)
    return membership


def _life() -> dt.timedelta:
    return dt.timedelta(seconds=settings.INVITATION_SECONDS)


def _new_token() -> tuple[str, bytes]:
    token = secrets.token_urlsafe(32)
    _, digest = keyring().digest(token, purpose=TOKEN_PURPOSE)
    return token, digest


def _lock(invitation: Invitation) -> Invitation:
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("workspace")
    return rows.get(pk=invitation.pk)


def _send(invitation: Invitation, token: str, by: Actor) -> None:
    send_mail(
        kind=MailKind.INVITATION,
        to=[invitation.email],
        context={"path": f"/invite/{token}/", "ends_at": invitation.expires_at, "role": str(invitation.role)},
        place=mail_place(invitation.workspace),
        by=by,
    )


def _record(action: str, invitation: Invitation, by: Actor) -> None:
    record_event(
        action=action,
        by=by,
        place=Place(workspace_id=str(invitation.workspace_id)),
        target_type="invitation",
        target_id=invitation.pk,
        detail={"role": str(invitation.role)},
    )
