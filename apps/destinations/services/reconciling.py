"""Compare a destination's storage with our records, in steps: claim, work for a while, hand on how far it is.

Owns the run and what becomes of it. Refuses to invent: what cannot be listed fails with the permission that is missing,
what cannot be read is compared by its length, and says so. A worker that dies loses one chunk.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from apps.audit.events import SYSTEM, Actor
from apps.audit.services import record_event
from apps.encryption.envelope import EnvelopeError
from apps.outbound.failures import DeliveryError, FaultOwner
from apps.outbound.retries import backoff_seconds
from apps.outbox.claims import LostLease, lease_end, settle, take
from apps.outbox.doorbell import Lane, wake
from apps.outbox.draining import is_draining
from apps.outbox.transitions import IllegalTransition

from ..advice.reading import LIST, PERMISSIONS
from ..models import Destination, Reconciliation
from ..selectors import connector_for, place_of
from ..states import DestinationState, FindingKind, ReconciliationState
from .comparing import Judge, Pair, finding, is_ours, pair_up
from .destinations import lock_destination
from .expecting import Fate, count_outside, list_expected, list_unscheduled
from .ledgers import MOST_FINDINGS, Ledger
from .testing import StillDraft

logger = logging.getLogger("relay.reconciling")
CHUNK = 500
STEP_SECONDS = 20.0
# Faults on our side, one after the other without a chunk between, and lost workers.
MAX_FAILURES, MAX_CRASHES = 8, 3
UNFINISHED = (ReconciliationState.PENDING, ReconciliationState.RUNNING)


class AlreadyReconciling(Exception):
    def __init__(self) -> None:
        super().__init__("A comparison of this destination is under way. Wait until it has ended.")


@dataclass(frozen=True, slots=True)
class Held:
    """A run and the fence that lets us write to it."""

    run: Reconciliation
    token: uuid.UUID

    def save(self, **changes: Any) -> None:
        """Keep the lease, and what is told. Raises: LostLease."""
        mine = Reconciliation.objects.filter(pk=self.run.pk, lease_token=self.token, lease_until__gt=Now())
        if not mine.update(lease_until=lease_end(), **changes):
            raise LostLease(str(self.run.pk))


@transaction.atomic
def start_reconciliation(*, destination: Destination, by: Actor, now: dt.datetime) -> Reconciliation:
    """Ask the workers to compare. Raises: AlreadyReconciling, StillDraft, IllegalTransition for a deleted one."""
    locked = lock_destination(destination)
    if locked.state == DestinationState.DRAFT:
        raise StillDraft
    if locked.state == DestinationState.DELETED:
        raise IllegalTransition(DestinationState.DELETED, DestinationState.ENABLED)
    if Reconciliation.objects.filter(destination=locked, state__in=UNFINISHED).exists():
        raise AlreadyReconciling
    run = Reconciliation.objects.create(destination=locked, next_attempt_at=now, asked_by=asdict(by))
    _record("reconciliation.started", run, by)
    wake(Lane.BULK)
    return run


def reconcile_now(*, destination: Destination, by: Actor) -> Reconciliation:
    """Compare in this process, to the end unless a fault is on our side; then the workers go on.

    Raises: AlreadyReconciling, StillDraft, IllegalTransition.
    """
    with transaction.atomic():
        run = start_reconciliation(destination=destination, by=by, now=timezone.now())
        token = take(run, from_states=(ReconciliationState.PENDING,), to_state=ReconciliationState.RUNNING)
        assert token is not None  # noqa: S101 - nobody else can see it yet
    _work(Held(_loaded(run.pk), token), ends=float("inf"))
    return _loaded(run.pk)


def is_reconciliation_due() -> bool:
    """Say whether a worker would find something to do."""
    return _due().exists()


def run_next_reconciliation() -> bool:
    """Work on the run that is due for a while; False when none is."""
    held = _claim()
    if held is None:
        return False
    _work(held, ends=time.monotonic() + STEP_SECONDS)
    return True


@transaction.atomic
def _claim() -> Held | None:
    """Take a run that waits, or one whose worker was lost."""
    run = _due().order_by("next_attempt_at", "id").select_for_update(skip_locked=True).first()
    if run is None:
        return None
    if run.state == ReconciliationState.RUNNING:
        Reconciliation.objects.filter(pk=run.pk).update(crashes=F("crashes") + 1)
    token = take(run, from_states=UNFINISHED, to_state=ReconciliationState.RUNNING)
    return Held(_loaded(run.pk), token) if token else None


def _due() -> QuerySet[Reconciliation]:
    is_due = Q(state=ReconciliationState.PENDING, next_attempt_at__lte=Now())
    is_lost = Q(state=ReconciliationState.RUNNING, lease_until__lt=Now())
    return Reconciliation.objects.filter(is_due | is_lost, state__in=UNFINISHED)


def _loaded(pk: uuid.UUID) -> Reconciliation:
    return Reconciliation.objects.select_related("destination__application__workspace", "destination__secret").get(
        pk=pk
    )


def _work(held: Held, *, ends: float) -> None:
    """Compare until the end or until the time is over. Never raises for what a storage does."""
    ledger = Ledger.of(held.run)
    try:
        if held.run.crashes >= MAX_CRASHES:
            message = "This is on our side: the worker was lost three times in this comparison."
            _fail(held, ledger, code="worker-crashed", message=message, owner=FaultOwner.US)
        elif held.run.destination.state == DestinationState.DELETED:
            message = "The destination was deleted meanwhile."
            _fail(held, ledger, code="destination-deleted", message=message, owner=FaultOwner.CUSTOMER)
        else:
            _compare(held, ledger, ends)
    except LostLease:
        logger.warning("reconciliation %s lost its lease", held.run.pk)
    except DeliveryError as error:
        _stop(held, ledger, error)
    except EnvelopeError:
        message = "This is on our side: the external ID cannot be opened with FIELD_ENCRYPTION_KEYS."
        _fail(held, ledger, code="secret-sealed", message=message, owner=FaultOwner.US)


def _compare(held: Held, ledger: Ledger, ends: float) -> None:
    """Raises: DeliveryError, LostLease, EnvelopeError."""
    destination = held.run.destination
    connector = connector_for(destination)
    judge = Judge(destination=destination, connector=connector, beat=held.save)
    judge.may_read = ledger.lacks.get("code") != PERMISSIONS["read_object"]
    stored = connector.inventory(destination.prefix, after=ledger.after)
    listed = (each for each in stored if not is_ours(destination.prefix, each))
    pairs = pair_up(listed, list_expected(destination, after=ledger.after))
    if not ledger.after:
        ledger.counts["elsewhere"] = count_outside(destination)
    while chunk := list(islice(pairs, CHUNK)):
        seen = len(ledger.findings)
        ledger.add(judge.judge(chunk))
        _count(ledger, chunk)
        ledger.after, ledger.failures = chunk[-1].key, 0
        for stage, refused in judge.refusals.items():
            ledger.lacks = ledger.lacks or {"code": PERMISSIONS[stage], "message": str(refused)}
        grown = {"findings": ledger.findings} if len(ledger.findings) > seen else {}
        if time.monotonic() > ends or is_draining():
            _hand_on(held, ledger)
            return
        held.save(counts=ledger.so_far(), **grown)
    _find_unscheduled(destination, ledger)
    _complete(held, ledger)


def _count(ledger: Ledger, pairs: list[Pair]) -> None:
    for each in pairs:
        ledger.counts["objects"] += each.stored is not None
        if each.expected and each.expected.is_first and each.expected.fate != Fate.UNSENT:
            ledger.counts[each.expected.fate] += 1


def _find_unscheduled(destination: Destination, ledger: Ledger) -> None:
    rows = list_unscheduled(destination, now=timezone.now())
    text = "The current sync {} of the authorization {} has no delivery here. A back-fill makes one."
    shown = rows.values_list("current_sync_job_id", "pk")[: MOST_FINDINGS - len(ledger.findings)]
    ledger.findings += [finding(FindingKind.UNSCHEDULED, "", text.format(*each)) for each in shown]
    ledger.counts[FindingKind.UNSCHEDULED] = rows.count()


# -- ends -----------------------------------------------------------------------------------------------
def _hand_on(held: Held, ledger: Ledger, *, wait_seconds: float = 0.0, fault: DeliveryError | None = None) -> None:
    """Give the run back for another step, at once or, after a fault, later. Raises: LostLease."""
    settle(
        held.run,
        held.token,
        state=ReconciliationState.PENDING.value,
        next_attempt_at=timezone.now() + dt.timedelta(seconds=wait_seconds),
        counts=ledger.so_far(),
        findings=ledger.findings,
        error_code=fault.code if fault else "",
        error_message=str(fault) if fault else "",
        error_owner=fault.owner.value if fault else "",
    )
    if fault is None:
        wake(Lane.BULK)


def _stop(held: Held, ledger: Ledger, error: DeliveryError) -> None:
    """End a run that the storage does not let us make; try again later what may pass."""
    ledger.failures += 1
    try:
        if error.permanent or ledger.failures >= MAX_FAILURES:
            is_refused = error.code == "AccessDenied" and error.stage == LIST
            code = PERMISSIONS[LIST] if is_refused else error.code
            _fail(held, ledger, code=code, message=str(error), owner=error.owner)
        else:
            pause = backoff_seconds(ledger.failures, random.random())  # noqa: S311
            _hand_on(held, ledger, wait_seconds=max(pause, error.retry_after_seconds or 0), fault=error)
    except LostLease:
        logger.warning("reconciliation %s lost its lease", held.run.pk)


@transaction.atomic
def _complete(held: Held, ledger: Ledger) -> None:
    """Raises: LostLease."""
    told = {"error_code": ledger.lacks.get("code", ""), "error_message": ledger.lacks.get("message", "")}
    owner = {"error_owner": FaultOwner.CUSTOMER.value if ledger.lacks else ""}
    _settle(held, ledger, ReconciliationState.COMPLETED, compared_bytes=not ledger.lacks, **told, **owner)
    _record("reconciliation.completed", held.run, SYSTEM, {"found": ledger.found, "compared_bytes": not ledger.lacks})


@transaction.atomic
def _fail(held: Held, ledger: Ledger, *, code: str, message: str, owner: FaultOwner) -> None:
    """Raises: LostLease."""
    told = {"error_code": code, "error_message": message, "error_owner": owner.value}
    _settle(held, ledger, ReconciliationState.FAILED, **told)
    _record("reconciliation.failed", held.run, SYSTEM, {"code": code})


def _settle(held: Held, ledger: Ledger, state: ReconciliationState, **changes: Any) -> None:
    settle(
        held.run,
        held.token,
        state=state.value,
        ended_at=timezone.now(),
        counts=ledger.shown(),
        findings=ledger.findings,
        **changes,
    )


def _record(action: str, run: Reconciliation, by: Actor, detail: Mapping[str, Any] | None = None) -> None:
    record_event(
        action=action,
        by=by,
        place=place_of(run.destination),
        target_type="reconciliation",
        target_id=run.pk,
        detail={"destination": str(run.destination_id), **(detail or {})},
    )
