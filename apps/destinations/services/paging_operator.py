"""Tell the operator of faults that only the operator can repair: one mail per code and hour at most.

Owns when a fault of ours is worth a mail; refuses what customers and sources have to repair, and what passes by itself.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.db import connection, transaction

from apps.audit.events import SYSTEM, Place
from apps.audit.models import AuditEvent
from apps.audit.services import record_event
from apps.mails.kinds import MailKind
from apps.mails.places import MailPlace
from apps.mails.services import mail_support
from apps.outbound.failures import DeliveryError, FaultOwner

from ..models import Delivery
from ..states import CLAIMABLE

logger = logging.getLogger("relay.operator")
AGAIN = dt.timedelta(hours=1)
# A glitch passes before the third attempt of the same row; nobody is woken for it.
ATTEMPTS_BEFORE_PAGE = 3
ACTION, TARGET = "operator.paged", "fault"
CODE_CHARS = 64  # as the audit keeps a target's id


def page_if_ours(error: DeliveryError, *, attempts: int, now: dt.datetime) -> bool:
    """Tell the operator if the fault is ours and trying again does not help; return whether a mail went out."""
    lasts = error.permanent or attempts >= ATTEMPTS_BEFORE_PAGE
    return error.owner == FaultOwner.US and lasts and page_operator(code=error.code, stage=error.stage, now=now)


def page_operator(*, code: str, stage: str, now: dt.datetime) -> bool:
    """Mail support unless this code was told within the hour; return whether a mail went out.

    In the caller's transaction, which must take no further lock of a destination after this one.
    """
    code = code[:CODE_CHARS]
    if _was_paged(code, now):
        return False
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{ACTION}:{code}"])
        if _was_paged(code, now):  # by whoever held the lock before us
            return False
        waiting = Delivery.objects.filter(state__in=CLAIMABLE, error_code=code).count()
        told: dict[str, str | int] = {"code": code, "stage": stage, "count": waiting}
        record_event(action=ACTION, by=SYSTEM, place=Place(), target_type=TARGET, target_id=code, detail=told)
        mail_support(kind=MailKind.OPERATOR_TROUBLE, context=told, place=MailPlace(), by=SYSTEM)
    logger.error("a fault of ours: %s at %s, %s deliveries wait", code, stage, waiting)
    return True


def _was_paged(code: str, now: dt.datetime) -> bool:
    told = AuditEvent.objects.filter(target_id=code, target_type=TARGET, action=ACTION, at__gt=now - AGAIN)
    return told.exists()
