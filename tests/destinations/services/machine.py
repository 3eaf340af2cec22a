"""Random lives of two destinations and two patients, the services beside the model, compared after every step."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest import mock

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from apps.applications.keys import Mode
from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.destinations import services
from apps.destinations.models import Delivery, DeliveryAttempt, Destination
from apps.destinations.services import claiming, delivering
from apps.outbox.transitions import IllegalTransition
from apps.syncs.services import revoke_and_expunge
from tests import factories
from tests.records.partitions import Filled, Resource

from .bucket import ScriptedBucket
from .model import Model, Patient, Place, Row

OUTCOMES = st.sampled_from(["ok", "refused", "refused", "final", "ours", "lost"])
PLACES = st.integers(0, 1)
TICK_HOURS = 2  # longer than the longest wait between attempts


def refused(call: Callable[[], object]) -> bool:
    """Whether a service refuses: by a rule that it names, never by an error of the database."""
    try:
        with transaction.atomic():
            call()
    except (IllegalTransition, services.NotTested, services.DataPurged):
        return True
    return False


class Deliveries(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rolled_back = transaction.atomic()
        self.rolled_back.__enter__()
        self.bucket = ScriptedBucket()
        self.patches: list[Any] = [
            mock.patch("apps.destinations.services.delivering.connector_for", self.bucket),
            mock.patch("apps.destinations.services.testing.connector_for", self.bucket),
            mock.patch("apps.destinations.services.retesting.connector_for", self.bucket),
            # All of a life is one transaction, which this would end.
            mock.patch("apps.destinations.services.beats.close_old_connections"),
        ]
        for patch in self.patches:
            patch.start()
        self.model = Model(places=[Place(), Place()])
        self.patients = [Patient(), Patient()]
        self.filled = Filled.make()
        first = self.filled.partition.authorization
        other = factories.make_authorization(
            first.application, Mode.TEST, factories.make_endpoint(Mode.TEST), user="user-2"
        )
        self.partitions = [self.filled, Filled.of(other)]
        self.authorizations = [first, other]
        PatientAuthorization.objects.update(current_seq=0)
        self.destinations = [self._destination(first, number) for number in range(2)]
        self.jobs: dict[tuple[int, int], uuid.UUID] = {}
        self.running: list[tuple[claiming.Claim, object]] = []
        for number in range(2):
            self.turn_on(number, True)

    def teardown(self) -> None:
        for patch in self.patches:
            patch.stop()
        transaction.set_rollback(True)
        self.rolled_back.__exit__(None, None, None)

    def _destination(self, authorization: PatientAuthorization, number: int) -> Destination:
        fields = {"name": f"Lake {number}", "bucket": f"lake-{number}", "region": "us-east-1"}
        return services.create_destination(
            application=authorization.application, mode=Mode.TEST, by=SYSTEM,
            fields=fields | {"role_arn": factories.ROLE_ARN},
        ).destination  # fmt: skip

    # -- time --

    def shift(self, hours: int) -> None:
        """Let time pass: every instant moves into the past."""
        by = dt.timedelta(hours=hours)
        names = ["next_attempt_at", "give_up_at", "held_at", "lease_until"]
        Delivery.objects.update(**{name: F(name) - by for name in names})
        Destination.objects.update(open_until=F("open_until") - by, first_failure_at=F("first_failure_at") - by)
        for claim, _ in self.running:  # what a worker has read moves too
            assert claim.delivery.give_up_at is not None
            claim.delivery.give_up_at -= by
        self.model.pass_time(hours)

    @rule(hours=st.sampled_from([TICK_HOURS, 30, 60]))
    def time_passes_and_the_sweeper_comes(self, hours: int) -> None:
        self.shift(hours)
        services.sweep_deliveries(now=timezone.now())
        self.model.sweep()

    # -- syncs and what people ask for --

    @rule(which=st.integers(0, 1))
    def sync_completes(self, which: int) -> None:
        patient, authorization = self.patients[which], self.authorizations[which]
        if patient.ended:
            return
        patient.syncs += 1
        partition, job = self.partitions[which], uuid.uuid4()
        partition.stage([Resource("Patient", "me", content=str(patient.syncs))])
        counts = partition.close("Patient").counts
        PatientAuthorization.objects.filter(pk=authorization.pk).update(
            current_seq=patient.syncs, current_sync_job_id=job
        )
        authorization.refresh_from_db()
        services.schedule_deliveries(
            authorization=authorization, sync_job_id=job, seq=patient.syncs, resource_counts=counts,
            now=timezone.now(),
        )  # fmt: skip
        self.jobs[which, patient.syncs] = job
        for place in self.model.places:
            state = self.model.after_sync(place)
            if state is not None:
                self.adopt(place, which, patient.syncs, "live", state)

    def adopt(self, place: Place, which: int, sync: int, kind: str, state: str) -> None:
        """Take the one row that must have been made into the model."""
        destination = self.destinations[self.model.places.index(place)]
        (made,) = Delivery.objects.filter(
            destination=destination, sync_job_id=self.jobs[which, sync], kind=kind
        ).exclude(pk__in=self.model.rows)
        self.model.rows[made.pk] = Row(place, self.patients[which], sync, kind, state)

    @rule(number=PLACES)
    def backfill(self, number: int) -> None:
        place = self.model.places[number]
        told = refused(
            lambda: services.backfill_destination(destination=self.destinations[number], by=SYSTEM, now=timezone.now())
        )
        assert told == (place.state == "DELETED")
        if not told and any(self.model.missing(place, patient) for patient in self.patients):
            place.is_backfilling = True
        while services.run_next_backfill_step():
            pass
        for each in self.model.places:
            if not each.is_backfilling or each.state != "ENABLED":
                continue
            each.is_backfilling = False
            for which, patient in enumerate(self.patients):
                for row in self.model.missing(each, patient):
                    if row is None:
                        self.adopt(each, which, patient.syncs, "backfill", "PENDING")
                    else:
                        row.kind, row.left, row.state = "backfill", 72, "PENDING"

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        pk = self.any_row(data)
        call = lambda: services.retry_delivery(  # noqa: E731
            delivery=Delivery.objects.get(pk=pk), by=SYSTEM, now=timezone.now()
        )
        assert refused(call) == (not self.model.retry(self.model.rows[pk]))

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        pk = self.any_row(data)
        row, before = self.model.rows[pk], Delivery.objects.get(pk=pk)
        call = lambda: services.replay_delivery(delivery=before, by=SYSTEM, now=timezone.now())  # noqa: E731
        told = refused(call)
        assert told == (row.patient.ended or row.place.state == "DELETED")
        if not told:
            which = self.patients.index(row.patient)
            self.adopt(row.place, which, row.sync, "replay", self.model.on_demand(row.place))
            made = Delivery.objects.exclude(pk__in=set(self.model.rows) - {list(self.model.rows)[-1]}).get()
            assert (made.replay_of_id, made.sha256) == (pk, before.sha256)
            assert made.object_key != before.object_key
            self.model.rows[made.pk].replay_of = row

    def any_row(self, data: st.DataObject) -> uuid.UUID:
        return data.draw(st.sampled_from(list(self.model.rows)))

    # -- destinations --

    @rule(number=PLACES)
    def edit(self, number: int) -> None:
        fields = {"bucket": f"lake-{uuid.uuid4().hex[:6]}"}
        call = lambda: services.update_destination(  # noqa: E731
            destination=self.destinations[number], fields=fields, by=SYSTEM
        )
        assert refused(call) == (not self.model.edit(self.model.places[number]))

    @rule(number=PLACES, passes=st.integers(0, 3).map(bool))
    def test(self, number: int, passes: bool) -> None:
        if self.model.places[number].state == "DELETED":
            return
        self.bucket.test_passes = passes
        self.destinations[number].refresh_from_db()
        services.test_connection(destination=self.destinations[number], by=SYSTEM, now=timezone.now())
        place = self.model.places[number]
        (self.model.passed_test if passes else self.model.failed_test)(place)

    @rule(number=PLACES, trust=st.sampled_from(["closed", "closed", "open", "unknown"]))
    def daily_look(self, number: int, trust: str) -> None:
        self.bucket.trust = trust
        now, place = timezone.now(), self.model.places[number]
        Destination.objects.update(retest_at=now + dt.timedelta(days=1))
        Destination.objects.filter(pk=self.destinations[number].pk).update(retest_at=now)
        assert services.retest_due(now=now) == (place.state in ("READY", "ENABLED"))
        if trust == "open" and place.state in ("READY", "ENABLED"):
            self.model.found_open(place)

    def enable(self, number: int) -> None:
        call = lambda: services.enable_destination(  # noqa: E731
            destination=self.destinations[number], by=SYSTEM, now=timezone.now()
        )
        assert refused(call) == (not self.model.enable(self.model.places[number]))

    @rule(number=PLACES, tested=st.booleans())
    def turn_on(self, number: int, tested: bool) -> None:
        if tested:
            self.test(number, True)
        self.enable(number)

    @rule(number=PLACES)
    def disable(self, number: int) -> None:
        call = lambda: services.disable_destination(destination=self.destinations[number], by=SYSTEM)  # noqa: E731
        assert refused(call) == (not self.model.disable(self.model.places[number]))

    @rule(number=PLACES, really=st.integers(0, 4))
    def delete(self, number: int, really: int) -> None:
        if really:
            return
        call = lambda: services.delete_destination(  # noqa: E731
            destination=self.destinations[number], by=SYSTEM, now=timezone.now()
        )
        assert refused(call) == (not self.model.delete(self.model.places[number]))

    @rule(which=st.integers(0, 1), really=st.integers(0, 4))
    def revoke(self, which: int, really: int) -> None:
        if not really and not self.patients[which].ended:
            revoke_and_expunge(authorization=self.authorizations[which], by=SYSTEM, now=timezone.now())
            self.model.end(self.patients[which])

    # -- attempts --

    @rule(outcomes=st.lists(OUTCOMES, min_size=1, max_size=5))
    def attempts(self, outcomes: list[str]) -> None:
        for outcome in outcomes:
            waiting = len(self.running)
            self.claim()
            if len(self.running) > waiting:
                self.finish(waiting, outcome)

    @rule()
    def claim(self) -> None:
        """A worker takes a row; what happens before it ends is up to the other rules."""
        self.shift(TICK_HOURS)
        may = self.model.claimable()
        claim = claiming.claim_next()
        assert (claim is not None) == bool(may)
        if claim is not None:
            assert claim.delivery.pk in may
            self.running.append((claim, self.model.claim(self.model.rows[claim.delivery.pk])))

    @precondition(lambda self: self.running)
    @rule(number=st.integers(0, 5), outcome=OUTCOMES)
    def finish(self, number: int, outcome: str) -> None:
        claim, fence = self.running.pop(number % len(self.running))
        self.bucket.outcome = outcome
        row, asked = self.model.rows[claim.delivery.pk], len(self.bucket.asked)
        held = row.fence is fence
        with mock.patch("apps.destinations.services.delivering.claim_next", return_value=claim):
            assert delivering.deliver_next()
        assert self.bucket.asked[asked:] == ([claim.delivery.object_key] if held else []), "the fence was passed"
        self.model.finish(row, fence, outcome)

    @precondition(lambda self: self.running)
    @rule(number=st.integers(0, 5), wrote=st.booleans())
    def worker_is_lost(self, number: int, wrote: bool) -> None:
        """It is gone for good, perhaps after the write; the sweeper finds its lease."""
        claim, fence = self.running.pop(number % len(self.running))
        if wrote and self.model.rows[claim.delivery.pk].fence is fence:
            self.bucket.outcome = "ok"
            delivering._attempt(claim)

    # -- what holds always --

    @invariant()
    def services_and_model_agree(self) -> None:
        rows = {row.pk: row for row in Delivery.objects.all()}
        found = {pk: (row.state, row.kind, row.attempts, row.crashes) for pk, row in rows.items()}
        wanted = {pk: (row.state, row.kind, row.attempts, row.crashes) for pk, row in self.model.rows.items()}
        assert found == wanted
        for destination, place in zip(self.destinations, self.model.places, strict=True):
            destination.refresh_from_db()
            assert (destination.state, destination.refused_streak) == (place.state, place.refusals)
        now = timezone.now()
        for pk, row in self.model.rows.items():
            real = rows[pk]
            assert real.give_up_at is not None
            since = real.held_at if row.state == "HELD" else now
            assert since is not None
            if row.state in ("PENDING", "RETRYING", "RUNNING", "HELD"):
                drift = real.give_up_at - since - dt.timedelta(hours=row.left)
                assert abs(drift) < dt.timedelta(minutes=20), "the give-up clock is wrong"

    @invariant()
    def nothing_is_delivered_twice(self) -> None:
        of_syncs = Delivery.objects.filter(kind__in=["live", "backfill"])
        once = Counter(of_syncs.values_list("destination", "sync_job_id"))
        assert not once or max(once.values()) == 1
        successes = Counter(DeliveryAttempt.objects.filter(succeeded=True).values_list("delivery", flat=True))
        delivered = Delivery.objects.filter(state="DELIVERED")
        assert successes == Counter(delivered.values_list("pk", flat=True))
        for row in delivered:
            assert self.bucket.objects[row.destination_id, row.object_key] == row.sha256
            if row.replay_of is not None and row.replay_of.sha256:
                assert row.sha256 == row.replay_of.sha256

    @invariant()
    def nothing_is_claimable_at_a_destination_that_is_off_or_of_a_patient_who_left(self) -> None:
        may = Delivery.objects.filter(state__in=["PENDING", "RETRYING"])
        assert not may.exclude(destination__state="ENABLED").exists()
        ended = [each.pk for each, patient in zip(self.authorizations, self.patients, strict=True) if patient.ended]
        assert not may.filter(authorization__in=ended).exists()
