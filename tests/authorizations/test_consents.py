"""Consents: what is kept, what closes them, what nobody finished. Source: rulings B14, B17; wire contract 3e, C28."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.authorizations.models import AuthorizationEvent, Consent, ConsentText, OneTimeToken, PatientAuthorization
from apps.authorizations.services import (
    ConsentClosed,
    SignInClosed,
    abandon_expired,
    agree,
    choose_endpoint,
    complete_sign_in,
    refuse,
    start_sign_in,
)
from apps.authorizations.states import Usage
from tests.flows.world import Team

from .journey import LOGIN, PATIENT, consent_text, endpoint_of, go_to_source, open_for, sign_in, sign_in_at_source
from .test_refreshing import Aside


@pytest.mark.django_db
def test_agree_keeps_the_first_words_and_place(team: Team) -> None:
    consent, now = open_for(team), timezone.now()
    text = consent_text()
    agree(consent=consent, text=text, shared_kinds=["claims", "visits"], by=PATIENT, now=now)
    newer = ConsentText.objects.create(version="2027-01", locale="en", body="Other words.")
    agree(consent=consent, text=newer, shared_kinds=[], by=PATIENT, now=now + dt.timedelta(minutes=1))
    consent.refresh_from_db()
    assert (consent.agreed_at, consent.text, consent.terms_version) == (now, text, "2026-11")
    assert (consent.ip, consent.user_agent, consent.shared_kinds) == ("192.0.2.7", "Browser/1", ["claims", "visits"])
    assert AuditEvent.objects.filter(action="consent.agreed").count() == 1


@pytest.mark.django_db
def test_agreement_is_whole_and_excludes_a_refusal(team: Team) -> None:
    consent, now = open_for(team), timezone.now()
    for changes in (
        {"agreed_at": now},
        {"text": consent_text()},
        {"agreed_at": now, "text": consent_text(), "refused_at": now},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Consent.objects.filter(pk=consent.pk).update(**changes)


@pytest.mark.django_db
def test_words_that_somebody_agreed_to_cannot_be_deleted(team: Team) -> None:
    agree(consent=open_for(team), text=consent_text(), shared_kinds=[], by=PATIENT, now=timezone.now())
    with pytest.raises(IntegrityError):
        ConsentText.objects.all().delete()


@pytest.mark.django_db
def test_refuse_leaves_the_refusal_alone(team: Team, payer_url: str) -> None:
    consent, now = open_for(team), timezone.now()
    authorization, _ = go_to_source(consent, LOGIN, now)
    refuse(consent=consent, by=PATIENT, now=now)
    consent.refresh_from_db()
    authorization.refresh_from_db()
    assert (consent.refused_at, authorization.state) == (now, "BOUNCED")
    assert (consent.agreed_at, consent.text_id, consent.terms_version) == (None, None, "")
    assert (consent.ip, consent.user_agent, consent.shared_kinds) == ("", "", [])
    for again in (
        lambda: refuse(consent=consent, by=PATIENT, now=now),
        lambda: agree(consent=consent, text=consent_text(), shared_kinds=[], by=PATIENT, now=now),
        lambda: choose_endpoint(consent=consent, endpoint=endpoint_of(LOGIN), by=PATIENT, now=now),
    ):
        with pytest.raises(ConsentClosed):
            again()


@pytest.mark.django_db
def test_the_same_source_chosen_twice_is_one_authorization(team: Team, payer_url: str) -> None:
    consent, now = open_for(team), timezone.now()
    first = choose_endpoint(consent=consent, endpoint=endpoint_of(LOGIN), by=PATIENT, now=now)
    assert choose_endpoint(consent=consent, endpoint=endpoint_of(LOGIN), by=PATIENT, now=now) == first
    assert PatientAuthorization.objects.count() == AuthorizationEvent.objects.count() == 1


@pytest.mark.django_db
def test_another_source_replaces_the_one_not_signed_in_to(team: Team, payer_url: str) -> None:
    consent, now = open_for(team), timezone.now()
    first, _ = go_to_source(consent, LOGIN, now)
    second = choose_endpoint(consent=consent, endpoint=endpoint_of("acme-1"), by=PATIENT, now=now)
    first.refresh_from_db()
    assert (first.state, second.state) == ("ABANDONED", "CREATED")
    assert first.events.latest("id").cause == "another source chosen"
    with pytest.raises(SignInClosed):
        start_sign_in(authorization=first, by=PATIENT, now=now)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("login", "asked", "resolved"),
    [
        (LOGIN, Usage.MULTIPLE, "MULTIPLE"),
        (LOGIN, Usage.ONE_TIME, "ONE_TIME"),
        ("acme-1", Usage.MULTIPLE, "ONE_TIME"),
        ("acme-1", Usage.ONE_TIME, "ONE_TIME"),
    ],
)
def test_usage_resolves_by_what_the_source_can(
    team: Team, payer_url: str, login: str, asked: Usage, resolved: str
) -> None:
    now = timezone.now()
    signed_in = sign_in(team, payer_url, login=login, usage=asked, now=now)
    assert signed_in.authorization.usage == resolved
    days = 90 if resolved == "MULTIPLE" else 1
    assert signed_in.authorization.purge_at == now + dt.timedelta(days=days)


@pytest.mark.django_db
def test_finished_consent_is_closed(team: Team, payer_url: str) -> None:
    consent, now = sign_in(team, payer_url).consent, timezone.now()
    for closed in (
        lambda: refuse(consent=consent, by=PATIENT, now=now),
        lambda: agree(consent=consent, text=consent_text(), shared_kinds=[], by=PATIENT, now=now),
        lambda: choose_endpoint(consent=consent, endpoint=endpoint_of("acme-1"), by=PATIENT, now=now),
    ):
        with pytest.raises(ConsentClosed):
            closed()
    assert OneTimeToken.objects.count() == 1


@pytest.mark.django_db
def test_what_nobody_finished_in_half_an_hour_is_abandoned(team: Team, payer_url: str) -> None:
    now = timezone.now()
    opened, left = open_for(team, now=now), open_for(team, now=now, external_id="user-2")
    chosen = choose_endpoint(consent=opened, endpoint=endpoint_of(LOGIN), by=PATIENT, now=now)
    leaving, url = go_to_source(left, LOGIN, now)
    done = sign_in(team, payer_url, now=now, external_id="user-3").authorization
    half_an_hour = now + dt.timedelta(minutes=30)
    assert abandon_expired(now=half_an_hour - dt.timedelta(seconds=1)) == 0
    assert abandon_expired(now=half_an_hour) == 2
    assert abandon_expired(now=half_an_hour) == 0
    for authorization, state in ((chosen, "ABANDONED"), (leaving, "ABANDONED"), (done, "AUTHORIZED")):
        authorization.refresh_from_db()
        assert authorization.state == state
    event = AuditEvent.objects.filter(action="authorization.abandoned").latest("id")
    assert event.actor_kind == "system"
    back = sign_in_at_source(url, LOGIN, payer_url)
    with pytest.raises(SignInClosed):
        complete_sign_in(state=back["state"], code=back["code"], by=PATIENT, now=now)


@pytest.mark.django_db(transaction=True)
def test_refusal_during_the_last_step_of_a_sign_in_waits_and_finds_it_closed(team: Team, payer_url: str) -> None:
    """Two tabs at once: one of them wins, neither fails, and neither waits for the other in a circle."""
    consent, now = open_for(team), timezone.now()
    _, url = go_to_source(consent, LOGIN, now)
    back = sign_in_at_source(url, LOGIN, payer_url)
    authorization = PatientAuthorization.objects.get()
    with transaction.atomic():
        PatientAuthorization.objects.select_for_update().get(pk=authorization.pk)
        other = Aside(lambda: refuse(consent=consent, by=PATIENT, now=now))
        other.wait_until_blocked()
        complete_sign_in(state=back["state"], code=back["code"], by=PATIENT, now=now)
    assert isinstance(other.result(), ConsentClosed)
    authorization.refresh_from_db()
    assert authorization.state == "AUTHORIZED"
