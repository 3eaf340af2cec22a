"""Reads of people, their second factor and their invitations."""

from __future__ import annotations

from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db.models import QuerySet

from apps.encryption.fields import keyring

from .models import Invitation, Membership, User, Workspace

TOKEN_PURPOSE = "workspaces_invitation.digest"  # noqa: S105
# Recovery codes are a way back to a factor, not a factor.
FACTORS = Authenticator.objects.exclude(type=Authenticator.Type.RECOVERY_CODES)


def has_second_factor(user_id: UUID) -> bool:
    return bool(FACTORS.filter(user=user_id).exists())


def list_open_workspaces(user_id: UUID) -> QuerySet[Workspace]:
    """Return the workspaces that a person may enter now: not those that ask for a factor which is missing."""
    mine = Workspace.objects.filter(memberships__user=user_id)
    return mine if has_second_factor(user_id) else mine.filter(requires_second_factor=False)


def list_members(workspace: Workspace) -> list[tuple[Membership, bool]]:
    """Return each member, the earliest first, and whether there is a second factor."""
    with_factor = set(FACTORS.filter(user__memberships__workspace=workspace).values_list("user", flat=True))
    rows = workspace.memberships.select_related("user").order_by("created_at", "pk")
    return [(each, each.user_id in with_factor) for each in rows]


def list_waiting_invitations(workspace: Workspace) -> QuerySet[Invitation]:
    """Return the invitations that nobody took and nobody withdrew, expired ones too, newest first."""
    waiting = workspace.invitations.filter(accepted_at__isnull=True, withdrawn_at__isnull=True)
    return waiting.order_by("-sent_at", "id")


def find_invitation(token: str) -> Invitation | None:
    """Return the invitation of a link, open or not."""
    digests = [digest for _, digest in keyring().digests(token, purpose=TOKEN_PURPOSE)]
    return Invitation.objects.select_related("workspace").filter(digest__in=digests).first()


def owns_address(user: User, email: str) -> bool:
    """Say whether an address is this person's: the one they sign in with, or another that they confirmed."""
    confirmed = EmailAddress.objects.filter(user=user, verified=True, email__iexact=email)
    return user.email.casefold() == email.casefold() or confirmed.exists()
