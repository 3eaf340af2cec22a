"""The operator is told of what only the operator can repair: once for each code and hour."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.destinations.services import page_if_ours, page_operator
from apps.mails.models import Mail
from apps.outbound.failures import DeliveryError, FaultOwner
from tests.factories import make_user

HOUR = dt.timedelta(hours=1, seconds=1)


@pytest.fixture
def staff() -> None:
    make_user("ops@relay.example", staff=True)
    make_user("owner@acme.example")


def error(
    owner: FaultOwner = FaultOwner.US, *, permanent: bool = False, code: str = "NoCredentialsError"
) -> DeliveryError:
    return DeliveryError("A sentence.", code=code, stage="our_identity", permanent=permanent, owner=owner)


def mails() -> list[str]:
    return list(Mail.objects.filter(kind="operator_trouble").values_list("recipient", flat=True))


@pytest.mark.django_db
def test_fault_of_ours_that_lasts_is_told_once_an_hour(staff: None) -> None:
    now = timezone.now()
    assert not page_if_ours(error(), attempts=2, now=now)
    assert page_if_ours(error(), attempts=3, now=now)
    assert not page_if_ours(error(), attempts=4, now=now)
    assert page_if_ours(error(), attempts=5, now=now + HOUR)
    assert mails() == ["ops@relay.example"] * 2


@pytest.mark.django_db
def test_fault_of_ours_that_no_try_gets_over_is_told_at_once_and_each_code_by_itself(staff: None) -> None:
    now = timezone.now()
    assert page_if_ours(error(permanent=True, code="ParamValidationError"), attempts=1, now=now)
    assert page_if_ours(error(permanent=True, code="MalformedPolicyDocument"), attempts=1, now=now)
    assert len(mails()) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("owner", [FaultOwner.CUSTOMER, FaultOwner.SOURCE])
def test_fault_of_others_is_told_to_no_operator(staff: None, owner: FaultOwner) -> None:
    assert not page_if_ours(error(owner, permanent=True), attempts=9, now=timezone.now())
    assert mails() == []
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_code_longer_than_the_log_keeps_is_told_once_too(staff: None) -> None:
    for _ in range(2):
        page_operator(code="C" * 100, stage="put_object", now=timezone.now())
    assert len(mails()) == 1


@pytest.mark.django_db
def test_page_of_a_change_that_is_rolled_back_was_not_sent(staff: None) -> None:
    with transaction.atomic():
        page_operator(code="Gone", stage="spool", now=timezone.now())
        transaction.set_rollback(True)
    assert mails() == []
    assert page_operator(code="Gone", stage="spool", now=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_many_workers_that_fail_at_once_send_one_mail() -> None:
    make_user("ops@relay.example", staff=True)

    def page(_: int) -> bool:
        try:
            return page_operator(code="NoCredentialsError", stage="our_identity", now=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(page, range(16))) == 1
    assert mails() == ["ops@relay.example"]
