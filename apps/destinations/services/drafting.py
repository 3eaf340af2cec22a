"""Destinations that are set up step by step: a draft lacks its role, its external ID, or both (rulings A9, A10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.applications.keys import Mode
from apps.applications.models import Application
from apps.audit.events import Actor
from apps.audit.services import record_event

from ..models import Destination
from ..selectors import place_of
from ..states import DestinationState
from .destinations import check_fields


@transaction.atomic
def draft_destination(*, application: Application, mode: Mode, fields: Mapping[str, Any], by: Actor) -> Destination:
    """Keep where to deliver; its external ID is made by `rotate_external_id`, when it is shown.

    Raises: InvalidDestination.
    """
    cleaned = check_fields(application, mode, fields, None, may_lack=("role_arn",))
    draft = Destination.objects.create(
        application=application, mode=mode, state=DestinationState.DRAFT.value, **cleaned
    )
    record_event(
        action="destination.created",
        by=by,
        place=place_of(draft),
        target_type="destination",
        target_id=draft.pk,
        detail={"fields": sorted(name for name, value in cleaned.items() if value)},
    )
    return draft
