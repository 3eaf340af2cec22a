"""Every set-up of the table, broken after it was tested and enabled, under every mishap of AWS and of ours.

One row per mishap: each ends DELIVERED, one object with the right bytes, or says whose fault it is and waits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from threading import Thread

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.destinations import services
from apps.destinations.models import Delivery, DeliveryAttempt, Destination
from apps.records.models import StoredResource
from apps.syncs.models import SyncJob

from . import world
from .aws_mishaps import (
    COMBINATIONS,
    HOLD_SECONDS,
    IN_MID_UPLOAD,
    MISHAPS,
    SET_UPS,
    STAGES,
    Mishap,
    PatientCustomer,
    break_set_up,
    calm,
    control,
    end_sessions,
    in_flight,
    is_fault_of_the_cloud,
    still_delivers,
    stored,
)
from .broken_set_ups import Broken
from .customer import Customer, clear_faults, fault
from .test_broken_set_ups import Shared, shared, transactional_db  # noqa: F401  # one world for all rows

ORDERED = ("type", "fhir_id", "line")
NOTHING_BREAKS = Broken(name="nothing", breaks=lambda c: None, step="", code="", says="")
NAMES = (*(each.name for each in MISHAPS), IN_MID_UPLOAD)


@pytest.fixture(scope="module")
def members(shared: Shared) -> list[SyncJob]:  # noqa: F811
    """One person per mishap, each with a first sync."""
    payer_url = SyncJob.objects.get().authorization.endpoint.fhir_base.rpartition("/foomedical/")[0]
    return [
        world.sync(
            world.link_member(shared.team, "patient1@flexpa.com", payer_url=payer_url, external_id=f"user-{name}")
        )
        for name in range(len(NAMES))
    ]


@pytest.fixture(autouse=True)
def quick_tries(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # noqa: F811
    """AWS's library tries again at once: how often is its business, how long it waits in between is nobody's here."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.0)
    yield
    calm(shared.cloud_url)
    for destination in Destination.objects.exclude(state="DELETED"):
        services.delete_destination(destination=destination, by=SYSTEM, now=timezone.now())


@dataclass
class Trial:
    """One destination with one waiting row per mishap."""

    row: Broken
    customer: Customer
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)
    thrown_away: set[str] = field(default_factory=set)

    @property
    def destination(self) -> Destination:
        self.customer.destination.refresh_from_db()
        return self.customer.destination

    def schedule(self, members: list[SyncJob]) -> None:
        for name, job in zip(NAMES, members, strict=True):
            authorization = PatientAuthorization.objects.get(pk=job.authorization_id)
            with transaction.atomic():
                services.schedule_deliveries(
                    authorization=authorization,
                    sync_job_id=job.pk,
                    seq=job.seq,
                    resource_counts=job.resource_counts,
                    now=timezone.now(),
                )
            self.deliveries[name] = Delivery.objects.get(destination=self.customer.destination, sync_job_id=job.pk)

    def attempt(self, name: str) -> DeliveryAttempt | None:
        """Let this row alone be due, and try it; None when the destination takes none."""
        now, rows = timezone.now(), Delivery.objects.filter(destination=self.customer.destination)
        rows.update(next_attempt_at=now + timedelta(days=1))
        rows.filter(pk=self.deliveries[name].pk).update(next_attempt_at=now)
        Destination.objects.filter(pk=self.customer.destination.pk).update(open_until=None)
        ran = services.deliver_next()
        delivery = self.deliveries[name]
        delivery.refresh_from_db()
        return delivery.attempt_rows.latest("number") if ran else None

    def meet(self, mishap: Mishap, *, broken: bool) -> DeliveryAttempt | None:
        """Try a row while its mishap happens."""
        url = self.customer.cloud_url
        if self.deliveries[mishap.name].state == "DELIVERED":
            return None
        try:
            mishap.happens(url)
            if broken and is_fault_of_the_cloud(self.row):
                self.row.breaks(self.customer)
            made = self.attempt(mishap.name)
        finally:
            mishap.ends(url)
            if broken and is_fault_of_the_cloud(self.row):
                clear_faults(url)
        if made is not None:
            self.met.add(mishap.name)
        return made

    def check_ours(self, made: DeliveryAttempt, mishap: Mishap) -> None:
        """It was our fault: it is told so, tried again, and held against nobody."""
        delivery = self.deliveries[mishap.name]
        codes = mishap.codes | {self.row.code} if self.row.owner == "us" else mishap.codes
        assert made.code in codes, (mishap.name, made.code)
        assert (made.owner, delivery.state, delivery.error_owner) == ("us", "RETRYING", "us")
        assert "Nothing to do for you" in made.message

    def check_refused(self, made: DeliveryAttempt, name: str) -> None:
        """It was refused by the customer's set-up: where, by what, and what to do about it."""
        assert (made.stage, made.code, made.owner) == (STAGES[self.row.step], self.row.code, "customer"), name
        assert self.row.says in made.message
        assert self.deliveries[name].state in ("RETRYING", "HELD")


def make_trial(row: Broken, shared: Shared, members: list[SyncJob]) -> Trial:  # noqa: F811
    customer = PatientCustomer.make(shared.team, shared.cloud_url, with_key=row.with_key)
    assert customer.test().passed
    services.enable_destination(destination=customer.destination, by=SYSTEM, now=timezone.now())
    trial = Trial(row, customer)
    trial.schedule(members)
    return trial


def break_in_mid_upload(trial: Trial) -> None:
    """Take permission and sessions away while one upload is on its way: it was let in, so it ends well."""
    customer, url = trial.customer, trial.customer.cloud_url
    key = trial.deliveries[IN_MID_UPLOAD].object_key
    control(url, "DELETE", "log")
    fault(url, service="s3", method="PUT", path=key, hold_seconds=HOLD_SECONDS)

    def upload() -> None:
        trial.attempt(IN_MID_UPLOAD)
        connection.close()

    thread = Thread(target=upload)
    thread.start()
    while thread.is_alive() and not in_flight(url, key):
        pass
    trial.thrown_away = break_set_up(trial.row, customer)
    end_sessions(url)
    thread.join()
    trial.met.add(IN_MID_UPLOAD)


def meet_while_broken(trial: Trial) -> None:
    """Let every mishap happen to a row while the set-up is broken."""
    row, refused = trial.row, trial.destination.refused_streak
    for mishap in MISHAPS:
        if mishap.is_early:
            continue
        made = trial.meet(mishap, broken=True)
        if made is None:
            assert trial.deliveries[mishap.name].state == "HELD"
        elif made.succeeded:
            assert still_delivers(row), mishap.name
        elif mishap.codes and made.owner == "us":
            trial.check_ours(made, mishap)
            assert trial.destination.state == "ENABLED", mishap.name
            assert trial.destination.refused_streak == refused
        elif row.owner == "us":
            assert (made.code, made.owner, trial.deliveries[mishap.name].state) == (row.code, "us", "RETRYING")
        else:
            assert not still_delivers(row), (mishap.name, made.code)
            trial.check_refused(made, mishap.name)
            refused += 1
            assert (trial.destination.state == "PAUSED") == (refused == 3)


def repair(trial: Trial) -> None:
    """Do what the failed step of Test connection offers, test again, enable again."""
    row, customer = trial.row, trial.customer
    if row.owner == "us":
        return
    if row.mend:
        row.mend(customer)
    else:
        test = customer.test()
        customer.paste_all(next(step for step in test.steps if step["result"] == "fail"))
    again = customer.test()
    assert again.passed, again.steps
    services.enable_destination(destination=customer.destination, by=SYSTEM, now=timezone.now())


def deliver_all(trial: Trial) -> None:
    """Try every row again; those that have not met their mishap meet it now."""
    for mishap in MISHAPS:
        if mishap.name in trial.met:
            continue
        made = trial.meet(mishap, broken=False)
        assert made is not None, mishap.name
        if not made.succeeded:
            trial.check_ours(made, mishap)
    for name, delivery in trial.deliveries.items():
        if delivery.state != "DELIVERED":
            made = trial.attempt(name)
            assert made is not None, (name, delivery.state)
            assert made.succeeded, (name, made.code, made.message)


@pytest.mark.parametrize("row", SET_UPS, ids=lambda row: row.name.replace(" ", "_"))
def test_set_up_that_breaks_after_enabling_loses_nothing_under_any_mishap(
    row: Broken, shared: Shared, members: list[SyncJob]  # noqa: F811
) -> None:  # fmt: skip
    trial = make_trial(row, shared, members)
    for mishap in MISHAPS:
        if mishap.is_early:
            made = trial.meet(mishap, broken=False)
            assert made is not None
            assert made.unknown_outcome
            trial.check_ours(made, mishap)
    break_in_mid_upload(trial)
    if trial.destination.state == "ENABLED":
        meet_while_broken(trial)
    for delivery in trial.deliveries.values():
        delivery.refresh_from_db()
        held = trial.destination.state != "ENABLED" and not still_delivers(row)
        assert delivery.state in (("DELIVERED", "HELD") if held else ("DELIVERED", "RETRYING", "PENDING")), delivery
    repair(trial)
    deliver_all(trial)
    check_objects(trial, members)


def check_objects(trial: Trial, members: list[SyncJob]) -> None:
    """Every row DELIVERED, one object each, with the bytes that the person's sync made."""
    objects = stored(trial.customer)
    for (name, delivery), job in zip(trial.deliveries.items(), members, strict=True):
        assert delivery.state == "DELIVERED"
        if name == IN_MID_UPLOAD and delivery.object_key in trial.thrown_away - set(objects):
            continue  # it had arrived before the customer emptied the bucket
        assert hashlib.sha256(objects.pop(delivery.object_key)).hexdigest() == bytes_of(job)
    assert objects == {}
    unheard = trial.deliveries[MISHAPS[0].name]
    assert unheard.attempt_rows.latest("number").already_there == (unheard.object_key not in trial.thrown_away)


@cache
def bytes_of(job: SyncJob) -> str:
    """Return the hash of the person's lines as they lie in the database, by an own query."""
    lines = StoredResource.objects.filter(partition__authorization=job.authorization_id, last_seq=None)
    found = sorted((kind != "Patient", kind, fhir_id, line) for kind, fhir_id, line in lines.values_list(*ORDERED))
    assert len(found) == sum(job.resource_counts.values())
    return hashlib.sha256(b"".join(bytes(line) + b"\n" for *_, line in found)).hexdigest()


def test_upload_that_outlives_its_session_and_ours_is_delivered_and_the_next_one_renews_both(
    shared: Shared,  # noqa: F811
    members: list[SyncJob],
) -> None:
    trial = make_trial(NOTHING_BREAKS, shared, members)
    break_in_mid_upload(trial)
    trial.attempt(NAMES[0])
    for name in (IN_MID_UPLOAD, NAMES[0]):
        assert (trial.deliveries[name].state, trial.deliveries[name].attempts) == ("DELIVERED", 1)
    assumed = [each for each in control(shared.cloud_url, "GET", "log") if each["role_arn"]]
    assert {each["role_arn"] for each in assumed if each["status"] == 200} >= {
        world.DELIVERY_ROLE,
        trial.destination.role_arn,
    }


def test_every_set_up_of_the_table_is_tried() -> None:
    assert len(SET_UPS) * len(NAMES) == COMBINATIONS
    assert len(SET_UPS) > 35
