"""Mails in the database, and a server that takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytest_django.fixtures import Settings

from apps.mails.kinds import MailKind
from apps.mails.models import Mail
from apps.mails.services import send_mail
from tests.mails.samples import BY, CONTEXTS, LIVE
from tests.mails.smtp_sink import Sink, running_sink

Queue = Callable[..., Mail]


@pytest.fixture
def sink(settings: Settings) -> Iterator[Sink]:
    with running_sink() as running:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        settings.DEFAULT_FROM_EMAIL = "Record Relay <noreply@relay.example>"
        yield running


@pytest.fixture
def queue() -> Queue:
    def queued(to: str = "bob@acme.example", kind: MailKind = MailKind.KEY_ROLLED) -> Mail:
        assert send_mail(kind=kind, to=[to], context=CONTEXTS[kind], place=LIVE, by=BY) == 1
        return Mail.objects.get(recipient=to)

    return queued
