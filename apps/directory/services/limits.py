"""Set what an endpoint bears: how many syncs at once, how many requests a minute."""

from __future__ import annotations

from django.db import transaction

from apps.audit.events import Actor, Place
from apps.audit.services import record_event

from ..models import Endpoint


@transaction.atomic
def set_endpoint_limits(
    *, endpoint: Endpoint, concurrent_syncs: int, requests_per_minute: int | None, by: Actor
) -> bool:
    """Return whether that changed anything. Steps that run now go on by what they began with.

    Raises: ValidationError.
    """
    locked = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
    before = {"concurrent_syncs": locked.concurrent_syncs, "requests_per_minute": locked.requests_per_minute}
    after = {"concurrent_syncs": concurrent_syncs, "requests_per_minute": requests_per_minute}
    if before == after:
        return False
    locked.concurrent_syncs, locked.requests_per_minute = concurrent_syncs, requests_per_minute
    locked.clean_fields(exclude=[field.name for field in Endpoint._meta.fields if field.name not in after])
    locked.save(update_fields=[*after, "updated_at"])
    record_event(
        action="endpoint.limits_changed",
        by=by,
        place=Place(mode=locked.mode),
        target_type="endpoint",
        target_id=locked.pk,
        detail={"before": before, "after": after},
    )
    return True
