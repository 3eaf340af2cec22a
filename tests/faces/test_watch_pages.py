"""Overview and authorizations: what they say is what is there, and for whom."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.applications.models import Application
from apps.authorizations.models import AuthorizationEvent, PatientAuthorization, RefreshToken, SourceToken
from apps.authorizations.services import issue_tokens
from apps.destinations.models import Delivery, Destination
from apps.workspaces.models import Role
from tests.factories import World, client_of, make_authorization, make_sync_job

from .pages import BY, main_of, text_of


# -- overview -------------------------------------------------------------------------------------------
def steps_of(text: str) -> list[tuple[str, str]]:
    """Return the checklist as (words, state)."""
    listed = re.findall(r'<li class="(?:pass|not_run)">(.*?)</li>', main_of(text))
    words = [re.sub(r"<[^>]+>", "|", each) for each in listed]
    return [tuple(part for part in each.split("|") if part.strip())[::2] for each in words]  # type: ignore[misc]


def test_checklist_names_the_next_step_and_blocks_what_cannot_be_done_yet(acme: World, owner: Client) -> None:
    fresh = Application.objects.create(workspace=acme.workspace, name="Fresh", slug="fresh")
    text = text_of(owner, "/w/acme/a/fresh/test/")
    assert [state for _, state in steps_of(text)] == [
        "Next", "Open", "Waits for the steps before", "Waits for the steps before", "Waits for the steps before",
    ]  # fmt: skip
    assert 'class="tiles"' not in text
    live = steps_of(text_of(owner, "/w/acme/a/fresh/live/"))
    assert live[0] == ("Get live access", "Next")
    assert live[1] == ("Create a secret key", "Waits for the steps before")
    assert fresh.live_granted_at is None


def test_checklist_leads_to_the_destination_that_is_furthest_on(acme: World, owner: Client) -> None:
    text = text_of(owner, acme.base("test"))
    assert f'href="{acme.base("test")}destinations/{acme.test.destination.pk}/"' in main_of(text)
    assert "run Test connection" in text


def test_checklist_ends_with_the_first_delivery(acme: World, owner: Client) -> None:
    assert "The way to the first delivery" in text_of(owner, acme.base("test"))
    deliver(acme.test.delivery)
    assert "The way to the first delivery" not in text_of(owner, acme.base("test"))
    assert "The way to the first delivery" in text_of(owner, acme.base("live"))


def deliver(delivery: Delivery) -> None:
    rows = Delivery.objects.filter(pk=delivery.pk)
    rows.update(state="RETRYING")
    rows.update(state="RUNNING", lease_token=uuid.uuid4(), lease_until=timezone.now())
    rows.update(
        state="DELIVERED", lease_token=None, lease_until=None, delivered_at=timezone.now(), bytes=1, resources=1,
        sha256="a" * 64,
    )  # fmt: skip


def tile(text: str, words: str) -> tuple[str, str]:
    found = re.search(rf"<dt>{words}</dt><dd>(\d+)</dd><dd class=\"second\">(.*?)</dd>", text)
    assert found is not None, words
    return found[1], found[2]


def test_health_cards_count_what_is_there_and_lead_to_it(acme: World, owner: Client) -> None:
    PatientAuthorization.objects.filter(pk=acme.test.authorization.pk).update(
        purge_at=timezone.now() + dt.timedelta(days=3)
    )
    rows = Destination.objects.filter(pk=acme.test.destination.pk)
    rows.update(state="READY")
    rows.update(state="ENABLED")
    rows.update(state="PAUSED", paused_reason="Refused 20 times.")
    text = text_of(owner, acme.base("test"))
    assert tile(text, r"Failed today \(UTC\)")[0] == "1"
    assert tile(text, "Failing destinations")[0] == "1"
    assert "Refused 20 times." in text
    assert tile(text, "Syncs with gaps, 7 days")[0] == "1"
    count, more = tile(text, "Active authorizations")
    assert count == "1"
    (address,) = re.findall(r'href="([^"]+)"', more)
    assert str(acme.test.authorization.pk) in text_of(owner, address)
    others = text_of(owner, acme.base("live"))
    assert "none ends within 7 days" in tile(others, "Active authorizations")[1]


def test_every_address_of_the_overview_opens(acme: World, owner: Client) -> None:
    for mode in ("test", "live"):
        for address in set(re.findall(r'href="(/w/[^"]+)"', main_of(text_of(owner, acme.base(mode))))):
            assert owner.get(address.replace("&amp;", "&")).status_code == 200, address


# -- authorizations -----------------------------------------------------------------------------------------
def page_of(world: World, mode: str = "test") -> str:
    return f"{world.base(mode)}authorizations/{world.furniture(mode).authorization.pk}/"


def test_authorization_tells_its_states_with_causes_and_what_was_skipped(acme: World, owner: Client) -> None:
    rows = AuthorizationEvent.objects.filter(authorization=acme.test.authorization)
    rows.filter(state="AUTHORIZING").delete()
    text = main_of(text_of(owner, page_of(acme)))
    states = re.findall(
        r'<li class="(pass|not_run)">.*?<div>(\w+)<span class="second">(.*?)</span></div>.*?</li>', text
    )
    assert [(css, word) for css, word, _ in states] == [
        ("pass", "Created"), ("not_run", "Authorizing"), ("pass", "Authorized"), ("not_run", "Exchanged"),
        ("not_run", "Refreshed"),
    ]  # fmt: skip
    assert states[0][2] == "Source chosen."
    assert text.count("Skipped") == 1
    assert text.count("Not reached") == 2
    assert "Did not happen: errored, bounced, abandoned, revoked." in text


def test_authorization_names_its_syncs_deliveries_and_tokens(acme: World, owner: Client) -> None:
    issued = issue_tokens(consent=acme.test.authorization.consent, by=BY, now=timezone.now())
    text = main_of(text_of(owner, page_of(acme)))
    assert f'href="{acme.base("test")}sync-jobs/{acme.test.sync_job.pk}/"' in text
    assert f'href="{acme.base("test")}deliveries/{acme.test.delivery.pk}/"' in text
    assert "253 resources visible, 1 gap" in text
    family = RefreshToken.objects.get().family
    assert str(family) in text
    assert issued.refresh_token is not None
    assert issued.refresh_token not in text
    assert issued.access_token not in text


def test_consent_record_says_what_was_read_and_agreed(acme: World, owner: Client) -> None:
    text = main_of(text_of(owner, page_of(acme)))
    for words in (
        "Version 1",
        "<dd>en</dd>",
        "claims, medications",
        "You agree.",
        str(acme.test.authorization.consent_id),
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("ERRORED", "sign-in could not be completed"),
        ("BOUNCED", "error=access_denied"),
        ("ABANDONED", "waited too long"),
    ],
)
def test_authorization_that_ended_says_what_the_patient_saw_and_what_to_do(
    state: str, words: str, acme: World, owner: Client
) -> None:
    ended = make_authorization(acme.application, acme.test.mode, acme.test.endpoint, user="gone")
    PatientAuthorization.objects.filter(pk=ended.pk).delete()
    PatientAuthorization.objects.create(
        pk=ended.pk, consent=ended.consent, application=ended.application, mode=ended.mode, endpoint=ended.endpoint,
        usage="MULTIPLE", state=state, error_code="http-500" if state == "ERRORED" else "", ended_at=timezone.now(),
    )  # fmt: skip
    text = main_of(text_of(owner, f"{acme.base('test')}authorizations/{ended.pk}/"))
    assert words in text
    assert "Sync now" not in text
    assert "Revoke" not in text.partition("<h2>")[0]


def test_revoke_page_names_exactly_what_ends_then_the_page_says_what_is_gone(acme: World, owner: Client) -> None:
    same = make_authorization(acme.application, acme.test.mode, acme.test.endpoint, user="second-name")
    other = make_authorization(acme.application, acme.test.mode, acme.test.endpoint, user="somebody-else")
    PatientAuthorization.objects.filter(pk=other.pk).update(source_patient_id="p-2")
    source = SourceToken(
        authorization=acme.test.authorization, token_url="https://x.example", expires_at=timezone.now()
    )
    source.access_token, source.refresh_token = "source-secret", None
    source.save()
    asked = main_of(text_of(owner, page_of(acme) + "revoke/"))
    named = {each for each in ("member-00203", "second-name", "somebody-else") if each in asked}
    owner.post(page_of(acme) + "revoke/")
    ended = PatientAuthorization.objects.filter(state="REVOKED")
    assert {each.consent.end_user.external_id for each in ended} == named == {"member-00203", "second-name"}
    assert {each.pk for each in ended} == {acme.test.authorization.pk, same.pk}
    text = main_of(text_of(owner, page_of(acme)))
    assert "we cannot delete it there" in text
    assert "1 waiting delivery was cancelled" in text
    assert "Data deleted here" in text
    assert "Sync now" not in text
    assert not SourceToken.objects.filter(authorization=acme.test.authorization).exists()
    again = owner.get(page_of(acme) + "revoke/", follow=True)
    assert b"there is nothing to revoke" in again.content


def test_viewer_reads_an_authorization_and_can_change_nothing(acme: World) -> None:
    viewer = client_of(acme.people[Role.VIEWER])
    text = main_of(text_of(viewer, page_of(acme)))
    assert "Sync now" not in text
    assert "/revoke/" not in text
    assert viewer.get(page_of(acme) + "revoke/").status_code == 403


def test_authorization_that_ends_soon_is_tagged_and_one_time_is_not(acme: World, owner: Client) -> None:
    soon = timezone.now() + dt.timedelta(days=2)
    once = make_authorization(acme.application, acme.test.mode, acme.test.endpoint, user="once")
    PatientAuthorization.objects.filter(mode="test").update(purge_at=soon)
    PatientAuthorization.objects.filter(pk=once.pk).update(usage="ONE_TIME")
    text = main_of(text_of(owner, acme.base("test") + "authorizations/"))
    assert text.count('class="tag tag-warn"') == 1
    assert "member-00203" in text_of(owner, acme.base("test") + "authorizations/", expiring="true")
    assert "once" not in re.findall(
        r"<code>(\w+)</code>", text_of(owner, acme.base("test") + "authorizations/?expiring=true")
    )


def test_pages_of_authorizations_take_a_bounded_number_of_queries(
    acme: World, owner: Client, django_assert_max_num_queries: Any
) -> None:
    issue_tokens(consent=acme.test.authorization.consent, by=BY, now=timezone.now())
    for path, most in ((page_of(acme), 15), (acme.base("test") + "authorizations/", 12), (acme.base("test"), 15)):
        with django_assert_max_num_queries(most):
            owner.get(path)


def test_pages_take_no_more_queries_for_many_rows(acme: World, owner: Client) -> None:
    def count(path: str) -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as seen:
            owner.get(path)
        return len(seen)

    paths = [acme.base("test"), acme.base("test") + "authorizations/", acme.base("test") + "audit/", page_of(acme)]
    before = [count(path) for path in paths]
    for number in range(12):
        made = make_authorization(acme.application, acme.test.mode, acme.test.endpoint, user=f"user-{number}")
        make_sync_job(made)
        make_sync_job(acme.test.authorization)
    assert [count(path) for path in paths] == before
