"""Sealing and verifying, with real connections. Source: rulings A5."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from apps.audit import selectors, services
from apps.audit.chain import link
from apps.audit.events import SYSTEM, Place
from apps.audit.models import AuditEvent, AuditSeal
from apps.audit.selectors import Broken, count_unsealed, list_chains, oldest_unsealed_at, verify_chain
from apps.audit.services import record_event, seal_events

pytestmark = pytest.mark.django_db(transaction=True)
ACME, ZETA = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def write(count: int = 1, workspace_id: str = ACME, **detail: object) -> None:
    for _ in range(count):
        record_event(action="thing.changed", by=SYSTEM, place=Place(workspace_id=workspace_id), detail=detail)


def faults(workspace_id: str = ACME) -> list[Broken]:
    return list(verify_chain(workspace_id))


@contextmanager
def open_transaction() -> Iterator[threading.Event]:
    """Another connection writes one event and commits when the block ends; set the event to roll back instead."""
    written, finish, undo = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        try:
            with transaction.atomic():
                write(slow=True)
                written.set()
                assert finish.wait(60)
                transaction.set_rollback(undo.is_set())
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert written.wait(60)
    try:
        yield undo
    finally:
        finish.set()
        thread.join(60)


def test_seals_chain_each_workspace_from_zero_in_order() -> None:
    write(3, n=1)
    write(2, ZETA)
    write(1, "")
    assert seal_events() == 6
    write(2)
    assert seal_events() == 2
    assert seal_events() == 0
    assert list_chains() == ["", ACME, ZETA]
    previous = bytes(32)
    for seal in AuditSeal.objects.filter(workspace_id=ACME).order_by("number"):
        assert bytes(seal.previous_hash) == previous
        for event in AuditEvent.objects.filter(workspace_id=ACME, seal_number=seal.number).order_by("id"):
            previous = link(previous, event)
            assert bytes(event.hash or b"") == previous
        assert bytes(seal.hash) == previous
    assert [seal.event_count for seal in AuditSeal.objects.filter(workspace_id=ACME).order_by("number")] == [3, 2]
    assert [fault for workspace in list_chains() for fault in faults(workspace)] == []
    assert (count_unsealed(ACME), oldest_unsealed_at()) == (0, None)


def test_chain_is_reproduced_from_the_description_alone() -> None:
    """SHA-256 over the last hash and sorted compact JSON, written here a second time."""
    write(1, who="Zoë", n=2)
    seal_events()
    event = AuditEvent.objects.get()
    content = {
        "id": event.pk, "workspace_id": ACME, "application_id": "", "mode": "", "actor_kind": "system", "actor_id": "",
        "actor_label": "system", "action": "thing.changed", "target_type": "", "target_id": "",
        "detail": {"who": "Zoë", "n": 2}, "ip": "", "request_id": "", "at": event.at.isoformat(),
    }  # fmt: skip
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(bytes(32) + text.encode()).digest() == bytes(event.hash or b"")


def test_nothing_is_sealed_while_an_older_transaction_may_still_write() -> None:
    write()
    with open_transaction():
        write(2, fast=True)
        slow_is_lower = AuditEvent.objects.filter(detail__fast=True).earliest("id").pk
        assert seal_events() == 1, "only what was there before the other transaction began"
        assert AuditEvent.objects.filter(seal_number=None).count() == 2
    assert AuditEvent.objects.get(detail__slow=True).pk < slow_is_lower
    assert seal_events() == 3
    assert faults() == []
    assert count_unsealed(ACME) == 0


def test_an_older_transaction_that_rolls_back_leaves_a_gap_and_no_fault() -> None:
    with open_transaction() as undo:
        write(2)
        undo.set()
        assert seal_events() == 0
    assert seal_events() == 2
    assert faults() == []
    assert not AuditEvent.objects.filter(detail__slow=True).exists()


def test_sealing_inside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        write(2)
        seal_events()
    write(2)
    assert seal_events() == 2


def test_two_sealers_at_once_seal_each_event_once() -> None:
    write(20)
    sealed: list[int] = []

    def work() -> None:
        try:
            sealed.append(seal_events())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(sealed) == 20
    assert faults() == []


def test_sealer_that_waits_for_another_leaves_the_work_to_it() -> None:
    write()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [ACME])
        sealed: list[int] = []

        def work() -> None:
            sealed.append(seal_events())
            connection.close()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(60)
    assert sealed == [0]
    assert seal_events() == 1


def test_a_backlog_is_sealed_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "SEAL_ROWS", 3)
    write(8)
    assert seal_events() == 8
    assert AuditSeal.objects.count() == 3
    assert faults() == []


@pytest.fixture
def sealed() -> list[int]:
    """Three seals of three events each; returns the events' ids in order."""
    for _ in range(3):
        write(3, n=1)
        seal_events()
    assert faults() == []
    return list(AuditEvent.objects.order_by("id").values_list("pk", flat=True))


CHANGES = [
    ("action", "thing.Changed"), ("actor_label", "System"), ("detail", {"n": 2}), ("target_id", "x"), ("ip", "::1"),
    ("mode", "live"), ("request_id", "r"), ("application_id", "a"), ("actor_id", "a"), ("actor_kind", "person"),
    ("target_type", "t"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), CHANGES)
@pytest.mark.parametrize("place", [0, 4, 8])
def test_a_changed_field_is_named(sealed: list[int], field: str, value: object, place: int) -> None:
    AuditEvent.objects.filter(pk=sealed[place]).update(**{field: value})
    assert faults()[0].event_id == sealed[place]


def test_a_changed_time_or_workspace_is_named(sealed: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditevent SET at = at + interval '1 microsecond' WHERE id = %s", [sealed[4]])
    assert faults()[0].event_id == sealed[4]
    AuditEvent.objects.filter(pk=sealed[4]).update(workspace_id=ZETA)
    assert faults()
    assert ZETA in list_chains()
    assert [fault.event_id for fault in faults(ZETA)] == [sealed[4]]


@pytest.mark.parametrize("place", [0, 4])
def test_a_deleted_event_is_named_by_its_successor(sealed: list[int], place: int) -> None:
    AuditEvent.objects.filter(pk=sealed[place]).delete()
    assert faults()[0].event_id == sealed[place + 1]


@pytest.mark.parametrize("place", [2, 8])
def test_a_deleted_last_event_of_a_seal_is_named(sealed: list[int], place: int) -> None:
    AuditEvent.objects.filter(pk=sealed[place]).delete()
    assert (faults()[0].event_id, "covered 3 events, 2 are there" in faults()[0].what) == (sealed[place], True)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_event_slipped_into_a_seal_is_named(sealed: list[int], number: int) -> None:
    write(1, forged=True)
    forged = AuditEvent.objects.get(seal_number=None)
    previous = AuditEvent.objects.get(pk=sealed[number * 3 - 1])
    AuditEvent.objects.filter(pk=forged.pk).update(seal_number=number, hash=link(bytes(previous.hash or b""), forged))
    assert any("covered 3 events, 4 are there" in fault.what for fault in faults())


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_deleted_seal_is_noticed(sealed: list[int], number: int) -> None:
    AuditSeal.objects.filter(number=number).delete()
    named = {fault.event_id for fault in faults()}
    assert named & set(sealed[number * 3 - 3 : number * 3]), "its own events are named"


def test_a_chain_whose_seals_are_all_gone_is_still_looked_at(sealed: list[int]) -> None:
    AuditSeal.objects.all().delete()
    assert list_chains() == [ACME]
    assert {fault.event_id for fault in faults()} == set(sealed)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hash", b"x" * 32),
        ("previous_hash", b"x" * 32),
        ("event_count", 2),
        ("first_event_id", 0),
        ("last_event_id", 0),
    ],
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_changed_seal_is_noticed(sealed: list[int], number: int, field: str, value: object) -> None:
    AuditSeal.objects.filter(number=number).update(**{field: value})
    assert faults()


def test_an_event_that_names_a_future_seal_is_noticed(sealed: list[int]) -> None:
    write()
    AuditEvent.objects.filter(seal_number=None).update(seal_number=9, hash=b"x" * 32)
    assert "does not exist" in faults()[0].what


def test_sealing_during_a_verification_is_no_fault(sealed: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    write(1)
    sealed_meanwhile: list[int] = []

    def seal() -> None:
        sealed_meanwhile.append(seal_events())
        connection.close()

    def seal_meanwhile(previous: bytes, event: AuditEvent) -> bytes:
        if not sealed_meanwhile:
            thread = threading.Thread(target=seal)
            thread.start()
            thread.join(60)
        return link(previous, event)

    monkeypatch.setattr(selectors, "link", seal_meanwhile)
    assert faults() == []
    assert sealed_meanwhile == [1]


def test_command_seals_verifies_and_exits_by_outcome(sealed: list[int]) -> None:
    write(2)
    out = StringIO()
    call_command("audit", "verify", stdout=out)
    assert f"{ACME}: 2 events not sealed yet" in out.getvalue()
    assert "Every chain holds." in out.getvalue()
    call_command("audit", "seal", stdout=out)
    assert "2 events sealed" in out.getvalue()
    AuditEvent.objects.filter(pk=sealed[4]).update(action="x")
    out = StringIO()
    with pytest.raises(CommandError, match="do not hold") as failed:
        call_command("audit", "verify", stdout=out)
    assert failed.value.returncode == 1
    assert f"{ACME}: event {sealed[4]}:" in out.getvalue()
    assert "Every chain holds." not in out.getvalue()
