"""The one way an authorization changes state: table, row lock, timeline, audit."""

from __future__ import annotations

import datetime as dt
from typing import Any

from apps.audit.events import Actor, Place
from apps.audit.services import record_event
from apps.outbox.transitions import check_transition

from ..models import AuthorizationEvent, PatientAuthorization
from ..states import TRANSITIONS, AuthorizationState

MOMENTS = {
    AuthorizationState.AUTHORIZED: "authorized_at",
    AuthorizationState.EXCHANGED: "exchanged_at",
    AuthorizationState.REFRESHED: "refreshed_at",
    AuthorizationState.REVOKED: "revoked_at",
}
ENDS = frozenset(state for state, following in TRANSITIONS.items() if not following)


def place_of(authorization: PatientAuthorization) -> Place:
    return Place(
        workspace_id=str(authorization.application.workspace_id),
        application_id=str(authorization.application_id),
        mode=authorization.mode,
    )


def lock_authorization(authorization: PatientAuthorization) -> PatientAuthorization:
    return (
        PatientAuthorization.objects.select_for_update(of=("self",), no_key=True)
        .select_related("application", "endpoint", "consent")
        .get(pk=authorization.pk)
    )


def move_authorization(
    authorization: PatientAuthorization,
    state: AuthorizationState,
    *,
    by: Actor,
    now: dt.datetime,
    cause: str = "",
    **changes: Any,
) -> None:
    """Move a locked authorization to `state` with further field changes. Raises: IllegalTransition."""
    before = AuthorizationState(authorization.state)
    check_transition(TRANSITIONS, before, state)
    changes["state"] = state.value
    if state in MOMENTS:
        changes[MOMENTS[state]] = now
    if state in ENDS:
        changes["ended_at"] = now
    for name, value in changes.items():
        setattr(authorization, name, value)
    authorization.save(update_fields=list(changes))
    AuthorizationEvent.objects.create(authorization=authorization, state=state, at=now, cause=cause)
    record_event(
        action=f"authorization.{state.value.lower()}",
        by=by,
        place=place_of(authorization),
        target_type="patient_authorization",
        target_id=authorization.pk,
        detail={"before": before.value, "after": state.value},
    )
