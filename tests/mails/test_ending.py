"""Lost workers hand their mails back, time ends what is tried in vain, and what has ended is not kept for ever."""

from __future__ import annotations

import datetime as dt

import pytest
from django.conf import settings
from django.utils import timezone

from apps.mails.models import Mail
from apps.mails.services import ending, send_next_mail, sending, sweep_mails
from apps.outbox.claims import LostLease
from apps.outbox.doorbell import Lane
from apps.workers import sweeper
from tests.mails.conftest import Queue

pytestmark = pytest.mark.django_db


def lose_a_worker(mail: Mail) -> None:
    assert sending._claim() is not None
    Mail.objects.filter(pk=mail.pk).update(lease_until=timezone.now() - dt.timedelta(hours=1))


def test_a_lost_worker_hands_its_mail_back_and_the_third_one_ends_it(queue: Queue) -> None:
    mail = queue()
    for crashes in (1, 2):
        lose_a_worker(mail)
        assert sweep_mails(now=mail.created_at) == 1
        mail.refresh_from_db()
        assert (mail.state, mail.crashes, mail.lease_token) == ("RETRYING", crashes, None)
    lose_a_worker(mail)
    assert sweep_mails(now=timezone.now()) == 1
    mail.refresh_from_db()
    assert (mail.state, mail.crashes, mail.error_code, mail.body) == ("FAILED", 3, "worker-crashed", None)


def test_a_worker_that_is_at_it_keeps_its_mail(queue: Queue) -> None:
    mail = queue()
    sending._claim()
    assert sweep_mails(now=timezone.now()) == 0
    mail.refresh_from_db()
    assert mail.state == "RUNNING"


def test_two_sweeps_at_once_take_a_mail_back_once(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = queue()
    lose_a_worker(mail)

    def slower(*arguments: object, **changes: object) -> None:
        raise LostLease(str(mail.pk))

    monkeypatch.setattr(ending, "settle", slower)
    assert sweep_mails(now=timezone.now()) == 0


def test_time_ends_what_was_tried_in_vain_and_not_what_was_never_tried(queue: Queue) -> None:
    tried, fresh = queue("tried@acme.example"), queue("fresh@acme.example")
    past = timezone.now() - dt.timedelta(minutes=1)
    Mail.objects.filter(pk=tried.pk).update(state="RUNNING", lease_token=tried.pk, lease_until=timezone.now())
    Mail.objects.filter(pk=tried.pk).update(
        state="RETRYING", lease_token=None, lease_until=None, error_code="smtp-450", next_attempt_at=timezone.now()
    )
    Mail.objects.update(give_up_at=past)
    assert sweep_mails(now=timezone.now()) == 1
    tried.refresh_from_db()
    fresh.refresh_from_db()
    assert (tried.state, tried.error_code, tried.body) == ("FAILED", "smtp-450", None)
    assert fresh.state == "PENDING"


def test_what_has_ended_is_kept_for_its_time_and_no_longer(queue: Queue) -> None:
    queue()
    waiting = queue("waiting@acme.example")
    send_next_mail()
    kept = dt.timedelta(days=settings.MAIL_RETENTION_DAYS)
    assert Mail.objects.filter(state="SENT").count() == 1
    assert sweep_mails(now=timezone.now() + kept - dt.timedelta(minutes=1)) == 0
    assert sweep_mails(now=timezone.now() + kept + dt.timedelta(minutes=1)) == 1
    assert [each.pk for each in Mail.objects.all()] == [waiting.pk]


def test_the_lane_is_rung_for_what_is_due_only(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[Lane] = []
    monkeypatch.setattr(sweeper, "ring", rung.append)
    sweeper.ring_for_due_work()
    assert rung == []
    queue()
    sweeper.ring_for_due_work()
    assert rung == [Lane.MAIL]
    Mail.objects.update(next_attempt_at=timezone.now() + dt.timedelta(hours=1))
    sweeper.ring_for_due_work()
    assert rung == [Lane.MAIL]
