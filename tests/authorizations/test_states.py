"""The nine states against a table typed again from the seed's words ("Authorization states" of records-api)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.applications.keys import Mode
from apps.audit.models import AuditEvent
from apps.authorizations.models import AuthorizationEvent, PatientAuthorization
from apps.authorizations.services import move_authorization
from apps.authorizations.services.states import lock_authorization
from apps.authorizations.states import ACTIVE, UNFINISHED, AuthorizationState
from apps.outbox.transitions import IllegalTransition
from tests.factories import make_authorization, make_endpoint
from tests.flows.world import Team

from .journey import PATIENT

pytestmark = pytest.mark.django_db
# "The initial state"; "in the process of authenticating"; "authenticated and granted consent, not yet exchanged";
# "exchanged for an access token"; "refreshed at least once"; and the four ends: "an error occurred", "did not
# complete", "rejected by the health plan's system", "explicitly revoked".
NINE = [
    "CREATED", "AUTHORIZING", "AUTHORIZED", "EXCHANGED", "REFRESHED", "ERRORED", "ABANDONED", "BOUNCED", "REVOKED",
]  # fmt: skip
FORWARD = ["CREATED>AUTHORIZING", "AUTHORIZING>AUTHORIZED", "AUTHORIZED>EXCHANGED", "EXCHANGED>REFRESHED"]
# What was not completed can fail, be left or be rejected; whatever has not ended can be revoked.
ENDS = [f"{before}>{end}" for before in NINE[:2] for end in ("ERRORED", "ABANDONED", "BOUNCED")]
REVOKES = [f"{before}>REVOKED" for before in NINE[:5]]
ALLOWED = {*FORWARD, *ENDS, *REVOKES}
PAIRS = [(before, after) for before, after in itertools.product(NINE, NINE) if before != after]


@pytest.fixture
def authorization(team: Team) -> PatientAuthorization:
    made = make_authorization(team.application, Mode.TEST, make_endpoint(Mode.TEST), user="user-1")
    AuthorizationEvent.objects.all().delete()
    return made


def put_into(authorization: PatientAuthorization, state: str) -> None:
    """Write a row in `state`: the trigger guards updates, so the row is made anew."""
    row = PatientAuthorization.objects.get(pk=authorization.pk)
    AuthorizationEvent.objects.all().delete()
    row.delete()
    row.pk, row.state = authorization.pk, state
    row.revoked_at = timezone.now() if state == "REVOKED" else None
    row.save(force_insert=True)


def test_there_are_exactly_the_nine_states() -> None:
    assert [state.value for state in AuthorizationState] == NINE
    assert set(ACTIVE) == {"AUTHORIZED", "EXCHANGED", "REFRESHED"}
    assert set(UNFINISHED) == {"CREATED", "AUTHORIZING"}


def test_database_refuses_every_step_that_the_table_does_not_list(authorization: PatientAuthorization) -> None:
    done = set()
    for before, after in PAIRS:
        put_into(authorization, before)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE authorizations_patientauthorization SET state = %s,"
                    " revoked_at = CASE WHEN %s = 'REVOKED' THEN now() END WHERE id = %s",
                    [after, after, authorization.pk],
                )
                done.add(f"{before}>{after}")
        except IntegrityError as refused:
            assert f"{before} cannot become {after}" in str(refused)  # noqa: PT017
    assert done == ALLOWED


def test_service_refuses_every_step_that_the_table_does_not_list(authorization: PatientAuthorization) -> None:
    done = set()
    for before, after in [*PAIRS, *((state, state) for state in NINE)]:
        put_into(authorization, before)
        try:
            move_authorization(
                lock_authorization(authorization), AuthorizationState(after), by=PATIENT, now=timezone.now()
            )
            done.add(f"{before}>{after}")
        except IllegalTransition as refused:
            assert (refused.before, refused.after) == (before, after)  # noqa: PT017
    assert done == ALLOWED


MOMENTS = {
    "AUTHORIZED": "authorized_at", "EXCHANGED": "exchanged_at", "REFRESHED": "refreshed_at", "REVOKED": "revoked_at",
}  # fmt: skip


@given(walk=st.lists(st.sampled_from(NINE), max_size=12))
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_walk_leaves_the_timeline_of_its_legal_steps(authorization: PatientAuthorization, walk: list[str]) -> None:
    with transaction.atomic():
        put_into(authorization, "CREATED")
        last = AuditEvent.objects.latest("id").pk
        now, steps = timezone.now(), ["CREATED"]
        for number, state in enumerate(walk):
            locked = lock_authorization(authorization)
            if f"{steps[-1]}>{state}" in ALLOWED:
                move_authorization(locked, AuthorizationState(state), by=PATIENT, now=now, cause=str(number))
                steps.append(state)
            else:
                with pytest.raises(IllegalTransition):
                    move_authorization(locked, AuthorizationState(state), by=PATIENT, now=now)
        authorization.refresh_from_db()
        assert authorization.state == steps[-1]
        timeline = list(authorization.events.order_by("id").values_list("state", flat=True))
        assert timeline == steps[1:]
        audited = list(AuditEvent.objects.filter(pk__gt=last).order_by("id").values_list("detail", flat=True))
        assert audited == [{"before": a, "after": b} for a, b in itertools.pairwise(steps)]
        for state, moment in MOMENTS.items():
            if state in steps:
                assert getattr(authorization, moment) == now
        assert (authorization.ended_at == now) == (steps[-1] in NINE[5:])
        transaction.set_rollback(True)


def test_active_authorization_without_a_patient_is_refused_by_the_database(
    authorization: PatientAuthorization,
) -> None:
    for changes in ({"source_patient_id": ""}, {"destination_patient_id": None}):
        with pytest.raises(IntegrityError, match="active_has_patient"), transaction.atomic():
            PatientAuthorization.objects.filter(pk=authorization.pk).update(**changes)
    with pytest.raises(IntegrityError, match="revoked_at_with_state"), transaction.atomic():
        PatientAuthorization.objects.filter(pk=authorization.pk).update(revoked_at=timezone.now())


def test_authorization_keeps_to_its_application_and_mode(team: Team, other_team: Team) -> None:
    """Composite keys: no statement makes a test authorization point to what is live or somebody else's."""
    test, live = make_endpoint(Mode.TEST), make_endpoint(Mode.LIVE)
    own = make_authorization(team.application, Mode.TEST, test, user="user-1")
    foreign = make_authorization(other_team.application, Mode.TEST, test, user="user-1")
    of_live = make_authorization(team.application, Mode.LIVE, live, user="user-1")
    statements: list[tuple[str, Any, str]] = [
        ("endpoint_id", live.pk, "endpoint_scope_fk"),
        ("consent_id", foreign.consent_id, "consent_scope_fk"),
        ("consent_id", of_live.consent_id, "consent_scope_fk"),
        ("application_id", other_team.application.pk, "consent_scope_fk"),
        ("mode", "live", "scope_fk"),
    ]
    for column, value, constraint in statements:
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE authorizations_patientauthorization SET {column} = %s WHERE id = %s", [value, own.pk]
            )
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table, column in (("authorizations_consent", "mode"), ("directory_endpoint", "mode")):
        target = own.consent_id if table == "authorizations_consent" else test.pk
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {column} = 'live' WHERE id = %s", [target])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
