"""Take back what a lost worker held, give up what is out of time, prune what has ended."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from apps.outbox.claims import LostLease, settle
from apps.outbox.doorbell import Lane, wake

from ..models import Mail
from ..states import MailState

MAX_CRASHES = 3


def sweep_mails(*, now: dt.datetime) -> int:
    """Return how many rows were taken back, given up or pruned."""
    swept = sum(_take_back(mail, now) for mail in Mail.objects.filter(state="RUNNING", lease_until__lt=Now())[:500])
    # A mail that has not been tried yet is tried, late or not; the attempt then ends it.
    swept += Mail.objects.filter(state=MailState.RETRYING, give_up_at__lt=now).update(
        state=MailState.FAILED, ended_at=now, body=None
    )
    pruned, _ = Mail.objects.filter(ended_at__lt=now - dt.timedelta(days=settings.MAIL_RETENTION_DAYS)).delete()
    return swept + pruned


def _take_back(mail: Mail, now: dt.datetime) -> int:
    """The mail may have left already: it is sent once more rather than never."""
    if mail.lease_token is None:
        return 0
    if mail.crashes + 1 >= MAX_CRASHES:
        changes: dict[str, object] = {
            "state": MailState.FAILED,
            "ended_at": now,
            "body": None,
            "error_code": "worker-crashed",
            "error_message": "The worker was lost three times in this mail.",
            "error_owner": "us",
        }
    else:
        changes = {"state": MailState.RETRYING, "next_attempt_at": now}
    try:
        settle(mail, mail.lease_token, crashes=F("crashes") + 1, **changes)
    except LostLease:
        return 0
    wake(Lane.MAIL)
    return 1
