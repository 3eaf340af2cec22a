"""Readings of patient data: one event each, counts and hashes only; a refused insert refuses the read (rulings A5)."""

from __future__ import annotations

import hashlib

import pytest
from django.db import IntegrityError, connection, transaction

from apps.audit.events import Actor, ActorKind, Place
from apps.audit.models import AuditEvent
from apps.audit.services import Shown, record_reading

READER = Actor(kind=ActorKind.TOKEN, id="jti-1", ip="192.0.2.7", request_id="req-1")
PLACE = Place(workspace_id="w", application_id="a", mode="test")


def read(ids: list[str]) -> None:
    record_reading(action="record.searched", by=READER, place=PLACE, target_id="auth-1", shown=Shown.of(iter(ids)))


@pytest.mark.django_db
def test_reading_is_one_event_with_a_count_and_a_hash_that_order_does_not_change() -> None:
    read(["Observation/2", "Observation/1"])
    read(["Observation/1", "Observation/2"])
    first, second = AuditEvent.objects.order_by("id")
    digest = hashlib.sha256(b"Observation/1\nObservation/2").hexdigest()
    assert first.detail == second.detail == {"count": 2, "ids_sha256": digest}
    assert (first.action, first.target_type, first.target_id) == ("record.searched", "patient_authorization", "auth-1")
    assert (first.actor_kind, first.workspace_id, first.application_id, first.mode) == ("token", "w", "a", "test")
    assert "Observation" not in str(first.detail)


@pytest.mark.django_db(transaction=True)
def test_reading_does_not_wait_for_the_disk_and_leaves_the_setting_alone() -> None:
    def setting() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            return str(cursor.fetchone()[0])

    before = setting()
    with transaction.atomic():
        read(["x"])
        assert setting() == "off"
    assert setting() == before == "on"
    read(["x"])
    assert setting() == "on"


@pytest.mark.django_db
def test_reading_that_cannot_be_written_down_fails() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent ADD CONSTRAINT broken CHECK (false) NOT VALID")
    with pytest.raises(IntegrityError, match="broken"):
        read(["x"])
