"""A developer plays a synthetic patient: what comes back is taken from the browser that left, in test mode only."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.authorizations.models import Consent
from apps.authorizations.states import Usage
from apps.syncs.models import SyncJob
from apps.workspaces.models import Role
from tests.factories import World, client_of

PATH = "authorizations/connect/"


@pytest.fixture
def owner(acme: World) -> Client:
    return client_of(acme.people[Role.OWNER])


def test_form_opens_the_real_consent_pages(acme: World, owner: Client) -> None:
    answer = owner.post(acme.base("test") + PATH, {"user": "me-1"})
    assert answer["Location"].startswith("/link/c/")
    consent = Consent.objects.get(end_user__external_id="me-1")
    assert (consent.mode, consent.usage, consent.application) == ("test", Usage.MULTIPLE, acme.application)
    assert consent.redirect_uri.endswith(acme.base("test") + PATH)


@pytest.mark.parametrize("query", ["state=&code=x", "state=forged&code=x", "state=forged&error=access_denied"])
@pytest.mark.parametrize("opened", [True, False])
def test_answer_that_this_browser_did_not_wait_for_changes_nothing(
    acme: World, owner: Client, query: str, opened: bool
) -> None:
    if opened:
        owner.post(acme.base("test") + PATH, {"user": "me-1"})
    before = SyncJob.objects.count()
    answer = owner.get(f"{acme.base('test')}{PATH}?{query}", follow=True)
    assert "nothing is shared" in answer.content.decode()
    assert SyncJob.objects.count() == before


def test_refused_consent_comes_back_to_the_list(acme: World, owner: Client) -> None:
    owner.post(acme.base("test") + PATH, {"user": "me-1"})
    state = Consent.objects.get(end_user__external_id="me-1").client_state
    answer = owner.get(f"{acme.base('test')}{PATH}?state={state}&error=access_denied", follow=True)
    assert "nothing is shared" in answer.content.decode()


def test_live_has_no_such_page(acme: World, owner: Client) -> None:
    assert owner.get(acme.base("live") + PATH).status_code == 404
    assert PATH not in owner.get(acme.base("live") + "authorizations/").content.decode()
    assert acme.base("test") + PATH in owner.get(acme.base("test") + "authorizations/").content.decode()
