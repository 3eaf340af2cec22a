"""What staff may change: a lost second factor, and whether a source can be chosen. Each leaves its trace."""

from __future__ import annotations

from enum import StrEnum

from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from apps.audit.events import Actor, Place
from apps.audit.services import record_event
from apps.directory.models import Endpoint, EndpointStatus
from apps.mails.kinds import MailKind
from apps.mails.places import MailPlace
from apps.mails.services import send_mail
from apps.workspaces.models import User


class Proof(StrEnum):
    """How staff made sure whom they speak with. Words for the trace: free text could name anybody."""

    CALL = "call_to_known_number"
    OWNER = "owner_vouched"
    DOCUMENT = "identity_document"


class NotByOneself(Exception):
    def __init__(self) -> None:
        super().__init__("Somebody else of support has to do this for you.")


class NoSecondFactor(Exception):
    def __init__(self) -> None:
        super().__init__("This person has no second factor.")


@transaction.atomic
def reset_second_factor(*, user: User, proof: Proof, by: Actor) -> int:
    """Remove every factor of a person and sign them out everywhere; return how many factors there were.

    Stands in the log of each of the person's workspaces, and the person is told by mail.

    Raises: NotByOneself, NoSecondFactor.
    """
    if str(user.pk) == by.id:
        raise NotByOneself
    locked = User.objects.select_for_update().get(pk=user.pk)
    count: int = Authenticator.objects.filter(user=locked).count()
    if not count:
        raise NoSecondFactor
    Authenticator.objects.filter(user=locked).delete()
    _end_sessions(locked)
    teams = [str(pk) for pk in locked.memberships.order_by("pk").values_list("workspace", flat=True)]
    for workspace_id in teams or [""]:
        record_event(
            action="second_factor.reset",
            by=by,
            place=Place(workspace_id=workspace_id),
            target_type="user",
            target_id=locked.pk,
            detail={"proof": proof.value, "factors": count},
        )
    send_mail(
        kind=MailKind.SECOND_FACTOR_CHANGED, to=[locked.email], context={"change": "removed"}, place=MailPlace(), by=by
    )
    return count


def _end_sessions(user: User) -> None:
    """A lost device may be signed in. Sessions do not say whose they are: each is opened."""
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()


@transaction.atomic
def set_endpoint_status(*, endpoint: Endpoint, status: EndpointStatus, by: Actor) -> bool:
    """Say whether patients can choose this source; return whether that changed anything."""
    locked = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
    before = locked.status
    if before == status:
        return False
    locked.status = status
    locked.save(update_fields=["status", "updated_at"])
    record_event(
        action="endpoint.status_changed",
        by=by,
        place=Place(mode=locked.mode),
        target_type="endpoint",
        target_id=locked.pk,
        detail={"before": before, "after": status.value},
    )
    return True
