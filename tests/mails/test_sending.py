"""Send to a real server on loopback: two forms, one Message-ID, retries, giving up; the row says how it went."""

from __future__ import annotations

import datetime as dt
import logging
import re
import socket
import threading
from itertools import pairwise

import pytest
from django.core import mail as django_mail
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.encryption.envelope import EnvelopeError
from apps.encryption.fields import SealedText
from apps.mails.models import Mail
from apps.mails.services import send_next_mail, sending
from apps.outbox.claims import LostLease
from apps.workers import tasks
from tests.mails.conftest import Queue
from tests.mails.smtp_sink import Sink

pytestmark = pytest.mark.django_db


def read(mail: Mail) -> Mail:
    mail.refresh_from_db()
    return mail


def make_due() -> None:
    Mail.objects.filter(state="RETRYING").update(next_attempt_at=Now())


def test_a_mail_arrives_in_two_forms_and_the_row_forgets_its_words(sink: Sink, queue: Queue) -> None:
    row = queue()
    assert send_next_mail() is True
    assert send_next_mail() is False
    (mail,) = sink.mails
    assert sink.envelopes == [("mail FROM:<noreply@relay.example>", "rcpt TO:<bob@acme.example>")]
    assert mail["Subject"] == "[Record Relay] A secret key of Care app was rolled"
    assert (mail["To"], mail["From"]) == ("bob@acme.example", "Record Relay <noreply@relay.example>")
    assert mail["Message-ID"] == f"<{row.pk}@localhost>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "sk_live_…9f3c" in text.get_content()
    assert "<h1" in html.get_content()
    assert (read(row).state, row.body, row.attempts, row.lease_token) == ("SENT", None, 1, None)
    assert row.ended_at is not None


def test_one_bad_address_keeps_nobody_else_waiting(sink: Sink, queue: Queue) -> None:
    bad, good = queue("bad@acme.example"), queue("good@acme.example")
    sink.replies["RCPT"] = "550 no such user bad@acme.example"
    Mail.objects.filter(pk=good.pk).update(next_attempt_at=timezone.now() + dt.timedelta(hours=1))
    assert send_next_mail() is True
    assert (read(bad).state, bad.error_code, bad.error_owner, bad.body) == ("FAILED", "smtp-550", "recipient", None)
    assert "acme.example" not in bad.error_message
    sink.replies.clear()
    Mail.objects.filter(pk=good.pk).update(next_attempt_at=Now())
    assert send_next_mail() is True
    assert read(good).state == "SENT"


@pytest.mark.parametrize(
    ("step", "reply", "state", "goes_on"),
    [
        ("RCPT", "450 greylisted", "RETRYING", True),
        ("RCPT", "550 unknown", "FAILED", True),
        ("DATA", "554 looks like spam", "FAILED", True),
        ("TAKEN", "452 disk full", "RETRYING", True),
        ("TAKEN", "550 looks like spam", "FAILED", True),
        ("TAKEN", "hang up", "RETRYING", False),
        ("MAIL", "553 who are you", "RETRYING", False),
        ("MAIL", "hang up", "RETRYING", False),
        ("GREET", "554 go away", "RETRYING", False),
        ("GREET", "421 too busy", "RETRYING", False),
    ],
)
def test_what_a_server_says_decides_what_happens(
    sink: Sink, queue: Queue, caplog: pytest.LogCaptureFixture, step: str, reply: str, state: str, goes_on: bool
) -> None:
    row = queue()
    sink.replies[step] = reply
    with caplog.at_level(logging.DEBUG):
        assert send_next_mail() is goes_on
    assert read(row).state == state
    assert row.error_code == (f"smtp-{reply[:3]}" if reply != "hang up" else "SMTPServerDisconnected")
    assert (row.body is None) == (state == "FAILED")
    assert not re.search(r"acme|spam|greylisted", caplog.text + row.error_message)
    if state == "RETRYING":
        sink.replies.clear()
        make_due()
        send_next_mail()
        assert (read(row).state, row.attempts, row.error_code) == ("SENT", 2, "")


def test_a_second_copy_has_the_same_message_id(sink: Sink, queue: Queue) -> None:
    """The server took it and hung up: it is sent again, and a mailbox can tell."""
    queue()
    sink.replies["TAKEN"] = "hang up"
    send_next_mail()
    sink.replies.clear()
    make_due()
    send_next_mail()
    first, second = sink.mails
    assert first["Message-ID"] == second["Message-ID"]


def closed_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def test_a_server_that_is_away_is_asked_by_one_mail_for_all(sink: Sink, queue: Queue, settings: Settings) -> None:
    rows = [queue(f"{number}@acme.example") for number in range(5)]
    settings.EMAIL_PORT = closed_port()
    tasks.drain("mail")
    tried = Mail.objects.get(attempts=1)
    assert Mail.objects.filter(attempts=0, next_attempt_at=tried.next_attempt_at).count() == 4
    assert tried.error_code == "ConnectionRefusedError"
    Mail.objects.update(next_attempt_at=Now())
    tasks.drain("mail")
    assert read(tried).attempts == 2  # the same one probes
    assert Mail.objects.filter(attempts=0).count() == 4
    settings.EMAIL_PORT = sink.port
    Mail.objects.update(next_attempt_at=Now())
    tasks.drain("mail")
    assert {read(row).state for row in rows} == {"SENT"}
    assert len(sink.mails) == 5


def test_waits_double_and_the_end_of_the_clock_fails_the_mail(queue: Queue, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", closed_port()
    row = queue()
    waits = []
    while read(row).state != "FAILED":
        before = timezone.now()
        send_next_mail()
        if read(row).state == "RETRYING":
            waits.append((row.next_attempt_at - before).total_seconds())
            Mail.objects.filter(pk=row.pk).update(next_attempt_at=Now())
        if row.attempts == 10:
            Mail.objects.filter(pk=row.pk).update(give_up_at=timezone.now() + dt.timedelta(minutes=20))
    assert row.attempts == 11
    assert row.error_code == "ConnectionRefusedError"
    for attempt, wait in enumerate(waits):
        longest = min(3600, 30 * 2**attempt)
        assert longest / 2 <= wait <= longest + 5
    assert all(later > earlier for earlier, later in pairwise(waits[::2][:4]))


def test_an_address_that_cannot_be_written_fails_at_once_and_stops_nobody(sink: Sink, queue: Queue) -> None:
    row = queue()
    Mail.objects.filter(pk=row.pk).update(recipient="bob@acme.example\nBcc: all@evil.example")
    assert send_next_mail() is True
    assert (read(row).state, row.error_code) == ("FAILED", "unwritable")
    assert sink.mails == []


def test_a_mail_that_keys_no_longer_open_waits_for_the_keys(
    sink: Sink, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sealed(self: SealedText) -> str:
        raise EnvelopeError("no key")

    row = queue()
    with monkeypatch.context() as patched:
        patched.setattr(SealedText, "reveal", sealed)
        assert send_next_mail() is True
    assert (read(row).state, row.error_code) == ("RETRYING", "body-sealed")
    make_due()
    send_next_mail()
    assert read(row).state == "SENT"


def test_a_worker_that_lost_its_lease_writes_nothing(
    sink: Sink, queue: Queue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    row = queue()
    attempt = sending._attempt

    def taken_meanwhile(mail: Mail) -> sending.Trouble | None:
        outcome = attempt(mail)
        Mail.objects.filter(pk=mail.pk).update(lease_token="5b0f5d2a-0000-4000-8000-00000000abcd")
        return outcome

    monkeypatch.setattr(sending, "_attempt", taken_meanwhile)
    with caplog.at_level(logging.WARNING, logger="relay.mails"):
        assert send_next_mail() is True
    assert (read(row).state, row.body is None) == ("RUNNING", False)
    assert "lost its lease" in caplog.text
    with pytest.raises(LostLease):
        sending._settle(row, row.pk, None)


def test_a_row_that_has_ended_is_never_sent() -> None:
    with pytest.raises(EnvelopeError):
        sending._message(Mail(recipient="bob@acme.example"))


def test_the_default_back_end_needs_no_server(queue: Queue) -> None:
    row = queue()
    tasks.drain("mail")
    assert read(row).state == "SENT"
    assert [each.to for each in django_mail.outbox] == [["bob@acme.example"]]


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_take_the_same_mail(queue: Queue) -> None:
    for number in range(6):
        queue(f"{number}@acme.example")
    claimed: list[object] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        try:
            while (found := sending._claim()) is not None:
                claimed.append(found[0].pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(claimed) == len(set(claimed)) == 6
