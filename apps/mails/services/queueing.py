"""Queue mails in the caller's transaction: a change that is rolled back sends nothing.

One row per address: nobody sees who else was told, and one bad address keeps nobody else waiting.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from apps.audit.events import Actor
from apps.outbox.doorbell import Lane, wake

from ..composing import Composed, Value, compose
from ..kinds import MailKind
from ..models import Mail
from ..places import MailPlace

# Roles as workspaces store them; workspaces stand above mails.
ADMINISTERING = ("owner", "admin")


@transaction.atomic
def send_mail(*, kind: MailKind, to: Iterable[str], context: Mapping[str, Value], place: MailPlace, by: Actor) -> int:
    """Queue a mail to each address once; return how many. Raises: RefusedContext."""
    composed = compose(kind, context=context, place=place, by=by, now=timezone.now())
    return queue_composed(
        kind=kind.value,
        composed=composed,
        to=to,
        place=place,
        give_up_at=timezone.now() + dt.timedelta(seconds=settings.MAIL_GIVE_UP_SECONDS),
    )


def mail_owners_and_admins(
    *, kind: MailKind, context: Mapping[str, Value], place: MailPlace, by: Actor, but: str = ""
) -> int:
    """Queue a mail to every owner and admin of the place's workspace, `but` for one address. Raises: RefusedContext."""
    people = get_user_model().objects.filter(
        is_active=True, memberships__workspace=UUID(place.workspace_id), memberships__role__in=ADMINISTERING
    )
    to = people.exclude(email__iexact=but).order_by("pk").values_list("email", flat=True)
    return send_mail(kind=kind, to=to, context=context, place=place, by=by)


def mail_support(*, kind: MailKind, context: Mapping[str, Value], place: MailPlace, by: Actor) -> int:
    """Queue a mail to everybody who may open the support console. Raises: RefusedContext."""
    staff = get_user_model().objects.filter(is_active=True, is_staff=True)
    to = staff.order_by("pk").values_list("email", flat=True)
    return send_mail(kind=kind, to=to, context=context, place=place, by=by)


def queue_composed(
    *, kind: str, composed: Composed, to: Iterable[str], place: MailPlace, give_up_at: dt.datetime
) -> int:
    """Queue what was composed already (allauth's own mails, which have words of their own)."""
    addresses = {address.casefold(): address for address in to}
    Mail.objects.bulk_create(
        Mail(
            kind=kind,
            recipient=address,
            workspace_id=place.workspace_id,
            application_id=place.application_id,
            mode=place.mode,
            body=composed.to_json(),
            next_attempt_at=Now(),
            give_up_at=give_up_at,
        )
        for address in addresses.values()
    )
    if addresses:
        wake(Lane.MAIL)
    return len(addresses)
