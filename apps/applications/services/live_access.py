"""Ask for live access, answer the request."""

from __future__ import annotations

import datetime as dt

from django.db import IntegrityError, transaction

from apps.audit.events import Actor, Place
from apps.audit.services import record_event
from apps.mails.kinds import MailKind
from apps.mails.places import mail_place
from apps.mails.services import mail_owners_and_admins, mail_support

from ..models import Application, LiveAccessRequest


class RequestOpen(Exception):
    def __init__(self) -> None:
        super().__init__("A request for live access is waiting for an answer already.")


class AlreadyDecided(Exception):
    def __init__(self) -> None:
        super().__init__("This request was answered already.")


@transaction.atomic
def request_live_access(*, application: Application, purpose: str, by: Actor) -> LiveAccessRequest:
    """Raises: RequestOpen."""
    try:
        with transaction.atomic():
            request = LiveAccessRequest.objects.create(application=application, purpose=purpose, requested_by=by.label)
    except IntegrityError:
        raise RequestOpen from None
    _record("live_access.requested", request, by)
    mail_support(
        kind=MailKind.LIVE_ACCESS_REQUESTED,
        context={"request_id": request.pk},
        place=mail_place(application.workspace, application),
        by=by,
    )
    return request


@transaction.atomic
def decide_live_access(*, request: LiveAccessRequest, granted: bool, notes: str, by: Actor, now: dt.datetime) -> None:
    """Raises: AlreadyDecided."""
    decision = LiveAccessRequest.Decision.GRANTED if granted else LiveAccessRequest.Decision.REFUSED
    open_request = LiveAccessRequest.objects.filter(pk=request.pk, decision=LiveAccessRequest.Decision.PENDING)
    if not open_request.update(decision=decision, notes=notes, decided_by=by.label, decided_at=now):
        raise AlreadyDecided
    if granted:
        Application.objects.filter(pk=request.application_id, live_granted_at__isnull=True).update(
            live_granted_at=now, live_granted_by=by.label
        )
    _record(f"live_access.{decision.value}", request, by)
    mail_owners_and_admins(
        kind=MailKind.LIVE_ACCESS_DECIDED,
        context={"decision": decision.value},
        place=mail_place(request.application.workspace, request.application),
        by=by,
    )


def _record(action: str, request: LiveAccessRequest, by: Actor) -> None:
    application = request.application
    record_event(
        action=action,
        by=by,
        place=Place(workspace_id=str(application.workspace_id), application_id=str(application.id), mode="live"),
        target_type="live_access_request",
        target_id=request.pk,
    )
