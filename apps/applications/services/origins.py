"""Register and remove the origins whose pages may hold the widget's frame."""

from __future__ import annotations

from django.db import transaction

from apps.audit.events import Actor, Place
from apps.audit.services import record_event

from ..keys import Mode
from ..models import AllowedOrigin, Application
from ..redirect_uris import check_origin


@transaction.atomic
def add_allowed_origin(*, application: Application, mode: Mode, origin: str, by: Actor) -> tuple[AllowedOrigin, bool]:
    """Return the row, and whether it is new: registering it again changes nothing. Raises: InvalidOrigin."""
    kept = check_origin(origin, allow_loopback=mode == Mode.TEST)
    made, is_new = AllowedOrigin.objects.get_or_create(application=application, mode=mode, origin=kept)
    if is_new:
        _record("allowed_origin.added", made, by)
    return made, is_new


@transaction.atomic
def remove_allowed_origin(*, allowed_origin: AllowedOrigin, by: Actor) -> None:
    _record("allowed_origin.removed", allowed_origin, by)
    allowed_origin.delete()


def _record(action: str, origin: AllowedOrigin, by: Actor) -> None:
    application = origin.application
    record_event(
        action=action,
        by=by,
        place=Place(workspace_id=str(application.workspace_id), application_id=str(application.pk), mode=origin.mode),
        target_type="application",
        target_id=application.pk,
        detail={"origin": origin.origin},
    )
