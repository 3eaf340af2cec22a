"""Refresh tokens: single use, families, and two requests at once. Source: architecture D11; RFC 9700 4.14.2."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.audit.models import AuditEvent
from apps.authorizations.models import AccessToken, RefreshToken
from apps.authorizations.services import InvalidGrant, IssuedTokens, redeem_refresh_token, revoke_tokens
from apps.syncs.services import revoke_and_expunge
from tests.flows.world import Team

from .journey import PATIENT, exchange, secret_key_of, sign_in


def refresh(team: Team, value: str, *, now: dt.datetime | None = None) -> IssuedTokens:
    return redeem_refresh_token(value=value, client=secret_key_of(team), by=PATIENT, now=now or timezone.now())


def refresh_of(issued: IssuedTokens) -> str:
    assert issued.refresh_token is not None
    return issued.refresh_token


@pytest.mark.django_db
def test_refresh_rotates_and_keeps_the_family(team: Team, payer_url: str) -> None:
    first = exchange(team, sign_in(team, payer_url))
    second = refresh(team, refresh_of(first))
    assert second.refresh_token != first.refresh_token
    assert RefreshToken.objects.values_list("family").distinct().count() == 1
    assert RefreshToken.objects.filter(used_at=None).count() == 1
    first.authorization.refresh_from_db()
    assert (first.authorization.state, first.authorization.refreshed_at is not None) == ("REFRESHED", True)
    third = refresh(team, refresh_of(second))
    third.authorization.refresh_from_db()
    assert third.authorization.state == "REFRESHED"


@pytest.mark.django_db
def test_refresh_moves_the_end_of_the_data(team: Team, payer_url: str) -> None:
    issued, later = exchange(team, sign_in(team, payer_url)), timezone.now() + dt.timedelta(days=80)
    for number in range(2):
        at = later + dt.timedelta(hours=number)
        issued = refresh(team, refresh_of(issued), now=at)
        issued.authorization.refresh_from_db()
        assert issued.authorization.purge_at == at + dt.timedelta(days=90)


@pytest.mark.django_db
def test_refresh_token_ends_after_ninety_days(team: Team, payer_url: str) -> None:
    now = timezone.now()
    issued = exchange(team, sign_in(team, payer_url, now=now), now=now)
    with pytest.raises(InvalidGrant, match="expired"):
        refresh(team, refresh_of(issued), now=now + dt.timedelta(days=90))
    assert refresh(team, refresh_of(issued), now=now + dt.timedelta(days=90, seconds=-1))


@pytest.mark.django_db
def test_token_text_is_kept_nowhere(team: Team, payer_url: str) -> None:
    issued = exchange(team, sign_in(team, payer_url))
    row = RefreshToken.objects.get()
    assert len(bytes(row.digest)) == 32
    assert refresh_of(issued) not in str(vars(row))
    assert not AuditEvent.objects.filter(detail__icontains=refresh_of(issued)).exists()


@pytest.mark.django_db
def test_reuse_ends_the_family_and_its_access_tokens_and_is_written_down(team: Team, payer_url: str) -> None:
    first = exchange(team, sign_in(team, payer_url))
    second = refresh(team, refresh_of(first))
    other = exchange(team, sign_in(team, payer_url, external_id="user-2"))
    with pytest.raises(InvalidGrant):
        refresh(team, refresh_of(first))
    with pytest.raises(InvalidGrant):
        refresh(team, refresh_of(second))
    alive = AccessToken.objects.filter(revoked_at=None)
    assert [each.consent_id for each in alive] == [other.authorization.consent_id]
    assert AuditEvent.objects.filter(action="token.reused").count() == 1
    assert refresh(team, refresh_of(other))


@pytest.mark.django_db
def test_another_application_or_mode_neither_uses_nor_ends_a_token(
    team: Team, other_team: Team, payer_url: str, live_keys: tuple[str, str]
) -> None:
    first = exchange(team, sign_in(team, payer_url))
    second = refresh(team, refresh_of(first))
    for stranger in (secret_key_of(other_team), secret_key_of(team, "live")):
        for issued in (first, second):  # a used one as well: strangers cannot end a family
            with pytest.raises(InvalidGrant, match=r"unknown|mode"):
                redeem_refresh_token(value=refresh_of(issued), client=stranger, by=PATIENT, now=timezone.now())
    assert refresh(team, refresh_of(second))


@pytest.mark.django_db
@given(steps=st.lists(st.integers(0, 7), max_size=8))
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_order_of_uses_leaves_two_live_tokens(team: Team, payer_url: str, steps: list[int]) -> None:
    """Against a model of three lines: the newest token opens; any older one ends everything."""
    with transaction.atomic():
        known = [refresh_of(exchange(team, sign_in(team, payer_url)))]
        ended = False
        for step in steps:
            chosen = known[step % len(known)]
            good = not ended and chosen == known[-1]
            try:
                known.append(refresh_of(refresh(team, chosen)))
                assert good
            except InvalidGrant:
                assert not good
                ended = True
            live = RefreshToken.objects.filter(used_at=None, revoked_at=None)
            assert live.count() == (0 if ended else 1)
            if ended:
                assert not AccessToken.objects.filter(revoked_at=None).exists()
        transaction.set_rollback(True)


class Aside:
    """Work in a thread and a connection of its own."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.outcome: object = None
        self.pid = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work,))
        self._thread.start()
        assert self._ready.wait(30)

    def _run(self, work: Callable[[], object]) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                self.pid = cursor.fetchone()[0]
            self._ready.set()
            self.outcome = work()
        except Exception as error:
            self.outcome = error
        finally:
            connection.close()

    def wait_until_blocked(self) -> None:
        """Return once the thread waits for a lock that another connection holds."""
        while self._thread.is_alive():
            with connection.cursor() as cursor:
                cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [self.pid])
                if cursor.fetchone()[0]:
                    return
            self._thread.join(0.01)
        pytest.fail(f"It did not wait: {self.outcome!r}")

    def result(self) -> object:
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.outcome


@pytest.mark.django_db(transaction=True)
def test_two_uses_of_one_token_at_once_end_the_family(team: Team, payer_url: str) -> None:
    value = refresh_of(exchange(team, sign_in(team, payer_url)))
    with transaction.atomic():
        assert refresh(team, value)
        second = Aside(lambda: refresh(team, value))
        second.wait_until_blocked()
    assert isinstance(second.result(), InvalidGrant)
    assert not RefreshToken.objects.filter(revoked_at=None).exists()
    assert not AccessToken.objects.filter(revoked_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_reuse_found_while_the_newest_token_is_being_rotated_ends_that_one_too(team: Team, payer_url: str) -> None:
    first = refresh_of(exchange(team, sign_in(team, payer_url)))
    second = refresh_of(refresh(team, first))
    with transaction.atomic():
        assert refresh(team, second)  # not committed yet: nobody else sees the third token
        thief = Aside(lambda: refresh(team, first))
        thief.wait_until_blocked()
    assert isinstance(thief.result(), InvalidGrant)
    assert not RefreshToken.objects.filter(revoked_at=None, used_at=None).exists()
    assert not AccessToken.objects.filter(revoked_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_refresh_and_revoke_at_once_do_not_wait_in_a_circle(team: Team, payer_url: str) -> None:
    issued = exchange(team, sign_in(team, payer_url))
    authorization = issued.authorization
    with transaction.atomic():
        # Revoking, step by step as `revoke_and_expunge` locks: first the authorization …
        type(authorization).objects.select_for_update().get(pk=authorization.pk)
        other = Aside(lambda: refresh(team, refresh_of(issued)))
        other.wait_until_blocked()
        # … then the tokens.
        revoke_tokens(consents=[authorization.consent_id], now=timezone.now())
    assert isinstance(other.result(), InvalidGrant)
    assert revoke_and_expunge(authorization=authorization, by=PATIENT, now=timezone.now()) == 0
    authorization.refresh_from_db()
    assert authorization.state == "REVOKED"
