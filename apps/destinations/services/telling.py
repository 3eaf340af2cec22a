"""Mail owners and admins what happened to a destination; names and codes only, never a key or an external ID."""

from __future__ import annotations

import datetime as dt

from apps.applications.keys import Mode
from apps.audit.events import SYSTEM, Actor
from apps.mails.kinds import MailKind
from apps.mails.places import MailPlace, mail_place
from apps.mails.services import mail_owners_and_admins

from ..models import Destination


def tell_live_change(destination: Destination, change: str, by: Actor) -> None:
    """Say that something else may now receive real patients' records (rulings A11); in test mode nobody is told."""
    if destination.mode != Mode.LIVE:
        return
    mail_owners_and_admins(
        kind=MailKind.LIVE_DESTINATION_CHANGED,
        context={"destination": destination.name, "destination_id": destination.pk, "change": change},
        place=_place(destination),
        by=by,
    )


def tell_paused(destination: Destination, cause: str, code: str, by: Actor) -> None:
    """`cause` is one of the mail's choices: refused, open, unreachable."""
    mail_owners_and_admins(
        kind=MailKind.DESTINATION_PAUSED,
        context={"destination": destination.name, "destination_id": destination.pk, "cause": cause, "code": code},
        place=_place(destination),
        by=by,
    )


def tell_trouble(
    destination: Destination, *, hours: int, waiting: int, code: str, end: str, ends_at: dt.datetime
) -> None:
    """`end` is one of the mail's choices: paused, purged."""
    mail_owners_and_admins(
        kind=MailKind.DELIVERY_TROUBLE,
        context={
            "destination": destination.name,
            "destination_id": destination.pk,
            "hours": hours,
            "waiting": waiting,
            "code": code,
            "end": end,
            "ends_at": ends_at,
        },
        place=_place(destination),
        by=SYSTEM,
    )


def _place(destination: Destination) -> MailPlace:
    return mail_place(destination.application.workspace, destination.application, destination.mode)
