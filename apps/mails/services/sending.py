"""Send: claim, talk to the mail server without a transaction, settle. The fence says who may settle (D8).

At least once, as far as SMTP goes: see `models.Mail`. What a server answers is kept as its code alone, because its
text repeats addresses.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import smtplib
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from apps.encryption.envelope import EnvelopeError
from apps.outbound.retries import backoff_seconds
from apps.outbox.claims import LostLease, settle, take

from ..composing import Composed
from ..models import Mail
from ..states import CLAIMABLE, MailState

logger = logging.getLogger("relay.mails")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a mail did not leave: `permanent` for this mail for ever, `for_all` for every mail for now."""

    code: str
    message: str
    owner: str
    permanent: bool = False
    for_all: bool = False


def send_next_mail() -> bool:
    """Try the next due mail; False when none is due or the server takes none. Never raises for what a server does."""
    claimed = _claim()
    if claimed is None:
        return False
    mail, token = claimed
    trouble = _attempt(mail)
    try:
        _settle(mail, token, trouble)
    except LostLease:
        logger.warning("mail %s lost its lease", mail.pk)
    return trouble is None or not trouble.for_all


@transaction.atomic
def _claim() -> tuple[Mail, uuid.UUID] | None:
    """Take what is due longest; of what was put off together, the most tried, so that one mail probes for all."""
    due = Mail.objects.filter(state__in=CLAIMABLE, next_attempt_at__lte=Now())
    row = due.select_for_update(skip_locked=True).order_by("next_attempt_at", "-attempts", "id").first()
    if row is None:
        return None
    token = take(row, from_states=tuple(CLAIMABLE), to_state=MailState.RUNNING)
    return None if token is None else (Mail.objects.get(pk=row.pk), token)


def _attempt(mail: Mail) -> Trouble | None:
    try:
        _message(mail).send()
    except EnvelopeError:
        return Trouble(code="body-sealed", message="The mail cannot be opened with FIELD_ENCRYPTION_KEYS.", owner="us")
    except smtplib.SMTPRecipientsRefused as error:
        status = next(iter(error.recipients.values()), (0, b""))[0]
        return _answer(status, "The mail server refused the address.", owner="recipient")
    except smtplib.SMTPDataError as error:
        return _answer(error.smtp_code, "The mail server refused the mail.", owner="us")
    except smtplib.SMTPResponseException as error:  # our name, our password, our sender
        return Trouble(code=f"smtp-{error.smtp_code}", message="The mail server refused us.", owner="us", for_all=True)
    except (smtplib.SMTPException, OSError) as error:
        return Trouble(
            code=type(error).__name__, message="The mail server could not be reached.", owner="us", for_all=True
        )
    except ValueError:  # an address or header that cannot be written
        return Trouble(code="unwritable", message="No mail can be written to this.", owner="us", permanent=True)
    return None


def _answer(status: int, message: str, *, owner: str) -> Trouble:
    """Read a reply to one mail: 4xx is for now, 5xx for ever. Source: RFC 5321, 4.2.1."""
    return Trouble(code=f"smtp-{status}", message=message, owner=owner, permanent=500 <= status < 600)


def _message(mail: Mail) -> EmailMultiAlternatives:
    """Raises: EnvelopeError."""
    if mail.body is None:
        raise EnvelopeError("This mail has ended.")
    composed = Composed.from_json(mail.body.reveal())
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    message = EmailMultiAlternatives(
        subject=composed.subject,
        body=composed.text,
        to=[mail.recipient],
        headers={
            # The same at every attempt: a mailbox that gets two copies can tell.
            "Message-ID": f"<{mail.pk}@{host}>",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )
    message.attach_alternative(composed.html, "text/html")
    return message


@transaction.atomic
def _settle(mail: Mail, token: uuid.UUID, trouble: Trouble | None) -> None:
    """Raises: LostLease, and then nothing is written."""
    now = timezone.now()
    if trouble is None:
        settle(mail, token, state=MailState.SENT, ended_at=now, body=None, error_code="", error_message="")
        return
    told = {"error_code": trouble.code, "error_message": trouble.message, "error_owner": trouble.owner}
    due = now + dt.timedelta(seconds=backoff_seconds(mail.attempts, random.random()))  # noqa: S311
    if trouble.permanent or (mail.give_up_at is not None and due >= mail.give_up_at):
        settle(mail, token, state=MailState.FAILED, ended_at=now, body=None, **told)
        logger.error("mail %s (%s) failed: %s", mail.pk, mail.kind, trouble.code)
    else:
        settle(mail, token, state=MailState.RETRYING, next_attempt_at=due, **told)
    if trouble.for_all:
        Mail.objects.filter(state__in=CLAIMABLE, next_attempt_at__lt=due).update(next_attempt_at=due)
