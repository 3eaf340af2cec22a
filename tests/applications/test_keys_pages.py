"""Keys as people handle them: on the page, in mails, and what the list says of a pair in its overlap."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest
from django.test import Client
from django.utils import timezone

from apps.applications.admin import SCOPE_WORDS
from apps.applications.keys import KeyKind, Mode, Scope
from apps.applications.models import ApiKey, Application, LiveAccessRequest
from apps.applications.selectors import find_api_key
from apps.applications.services import (
    RollInProgress,
    decide_live_access,
    end_api_key,
    issue_api_key,
    note_key_use,
    roll_api_key,
)
from apps.audit.events import SYSTEM
from apps.audit.models import AuditEvent
from apps.mails.models import Mail
from apps.workspaces.models import Role
from tests.factories import World, client_of, make_user

KEY = re.compile(r"[sm]k_(?:test|live)_[A-Za-z0-9_-]{43}")


@pytest.fixture
def owner(acme: World) -> Client:
    return client_of(acme.people[Role.OWNER])


def ticket_of(client: Client, url: str) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', client.get(url).content.decode())
    assert found is not None
    return found[1]


def roll(client: Client, world: World, *, mode: str = "test", overlap: int = 86_400) -> str:
    """Roll the secret key by its page; return the new one's text."""
    url = world.base(mode) + f"keys/{world.furniture(mode).key.pk}/roll/"
    answer = client.post(url, {"overlap_seconds": str(overlap), "ticket": ticket_of(client, url)})
    found = KEY.search(answer.content.decode())
    assert found is not None
    return found[0]


def status(key: str) -> int:
    return Client().get("/api/v1/keys", headers={"Authorization": f"Bearer {key}"}).status_code


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def told(kind: str) -> list[str]:
    return sorted(Mail.objects.filter(kind=kind).values_list("recipient", flat=True))


ADMINISTRATORS = ["admin@acme.example", "owner@acme.example"]


# -- a pair in its overlap --------------------------------------------------------------------------------
def test_both_keys_answer_until_the_old_one_ends(owner: Client, acme: World) -> None:
    old = acme.test.key
    new = roll(owner, acme)
    assert (status(acme.test.key_value), status(new)) == (200, 200)
    listed = text_of(owner, acme.base("test") + "keys/")
    assert str(old) in listed
    assert f"{new[:8]}…{new[-4:]}" in listed
    assert "in 24 h" in listed
    old.refresh_from_db()
    assert old.expires_at is not None
    assert find_api_key(acme.test.key_value, now=old.expires_at - dt.timedelta(seconds=1)) == old
    ApiKey.objects.filter(pk=old.pk).update(expires_at=timezone.now())  # the clock, a day later
    assert (status(acme.test.key_value), status(new)) == (401, 200)


def test_list_says_when_the_old_key_may_go(owner: Client, acme: World) -> None:
    keys = acme.base("test") + "keys/"
    new = roll(owner, acme)
    heir = ApiKey.objects.get(last_four=new[-4:], prefix=new[:16])
    assert "successor has not been used yet" in text_of(owner, keys)
    now = timezone.now()
    note_key_use(api_key=heir, ip="192.0.2.9", now=now)
    assert "safe to end" in text_of(owner, keys)
    assert "safe to end" in text_of(owner, f"{keys}{acme.test.key.pk}/")
    note_key_use(api_key=acme.test.key, ip="192.0.2.8", now=now + dt.timedelta(seconds=1))
    assert "safe to end" not in text_of(owner, keys)
    assert "Both are in use still" in text_of(owner, keys)


def test_old_key_of_a_pair_ends_by_one_press_even_in_live(owner: Client, acme: World) -> None:
    new = roll(owner, acme, mode="live")
    url = acme.base("live") + f"keys/{acme.live.key.pk}/"
    assert f'action="{url}end/"' in text_of(owner, url)
    owner.post(url + "end/")
    assert (status(acme.live.key_value), status(new)) == (401, 200)


def test_neither_key_of_a_pair_is_rolled_while_both_work(owner: Client, acme: World) -> None:
    now = timezone.now()
    new = find_api_key(roll(owner, acme), now=now)
    assert new is not None
    for key in (acme.test.key, new):
        url = acme.base("test") + f"keys/{key.pk}/roll/"
        refused = owner.post(url, {"overlap_seconds": "0", "ticket": ticket_of(owner, url)})
        assert "being replaced already and works until" in refused.content.decode()
        with pytest.raises(RollInProgress):
            roll_api_key(api_key=key, overlap_seconds=0, by=SYSTEM, now=timezone.now())
    end_api_key(api_key=acme.test.key, by=SYSTEM, now=timezone.now())
    roll_api_key(api_key=new, overlap_seconds=0, by=SYSTEM, now=timezone.now())


@pytest.mark.parametrize(("mode", "chosen"), [("test", "0"), ("live", "86400")])
def test_page_and_api_offer_the_same_overlap(mode: str, chosen: str, owner: Client, acme: World) -> None:
    page = owner.get(acme.base(mode) + f"keys/{acme.furniture(mode).key.pk}/roll/").content.decode()
    assert re.findall(r'value="(\d+)"[^>]*checked', page) == [chosen]
    key = issue_api_key(application=acme.application, mode=Mode(mode), kind=KeyKind.MANAGEMENT, by=SYSTEM)
    path = f"/api/v1/keys/{acme.furniture(mode).key.pk}"
    headers = {"Authorization": f"Bearer {key.value}"}
    made = Client().post(f"{path}/roll", {}, content_type="application/json", headers=headers)
    assert made.status_code == 201
    old = ApiKey.objects.get(pk=acme.furniture(mode).key.pk)
    heir = ApiKey.objects.get(pk=made.json()["id"])
    assert old.expires_at is not None
    assert abs((old.expires_at - heir.created_at).total_seconds() - int(chosen)) < 5


# -- issuing, ending, noting --------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["secret", "management"])
def test_key_is_shown_in_a_dialog_that_keeps_it(kind: str, owner: Client, acme: World) -> None:
    url = acme.base("live") + "keys/new/"
    answer = owner.post(url, {"kind": kind, "note": "vault", "ticket": ticket_of(owner, url)})
    text = answer.content.decode()
    (value,) = set(KEY.findall(text))
    assert text.count(value) == 2  # to read, and in the download
    assert "data-kept" in text
    assert 'data-unlocks="#stored"' in text
    assert "no-store" in answer["Cache-Control"]
    assert status(value) == 200
    assert told("management_key_issued" if kind == "management" else "key_issued")[:2] == ADMINISTRATORS
    mails = "".join(mail.body.reveal() for mail in Mail.objects.all() if mail.body)
    assert value not in mails
    assert value[8:20] not in mails


def test_key_without_successor_takes_its_last_characters_in_live(owner: Client, acme: World) -> None:
    url = acme.base("live") + f"keys/{acme.live.key.pk}/end/"
    assert f"Type its last four characters, {acme.live.key.last_four}" in text_of(owner, url)
    for typed in ({}, {"typed": "nope"}):
        owner.post(url, typed)
        assert status(acme.live.key_value) == 200
    owner.post(url, {"typed": acme.live.key.last_four})
    assert status(acme.live.key_value) == 401
    assert told("key_ended") == ADMINISTRATORS


def test_key_in_test_ends_by_one_confirmation(owner: Client, acme: World) -> None:
    url = acme.base("test") + f"keys/{acme.test.key.pk}/end/"
    assert 'name="typed"' not in text_of(owner, url)
    owner.post(url)
    assert status(acme.test.key_value) == 401


@pytest.mark.parametrize("path", ["new/", "{key}/roll/", "{key}/end/"])
def test_keys_ask_for_the_password_after_a_while(path: str, acme: World) -> None:
    stale = client_of(acme.people[Role.OWNER], fresh=False)
    url = acme.base("live") + "keys/" + path.format(key=acme.live.key.pk)
    for answer in (stale.get(url), stale.post(url, {"typed": acme.live.key.last_four})):
        assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert status(acme.live.key_value) == 200
    api = f"{acme.base('live')}api/v1/keys/{acme.live.key.pk}/end"
    assert stale.post(api).json()["code"] == "reauthentication_needed"


def test_note_is_changed_by_page_and_by_api(owner: Client, acme: World) -> None:
    keys = acme.base("test") + "keys/"
    owner.post(f"{keys}{acme.test.key.pk}/note/", {"note": "Vault, care/test"})
    assert "Vault, care/test" in text_of(owner, keys)
    management = issue_api_key(application=acme.application, mode=Mode.TEST, kind=KeyKind.MANAGEMENT, by=SYSTEM)
    for key, expected in ((management.value, 200), (acme.test.key_value, 403)):
        answer = Client().patch(
            f"/api/v1/keys/{acme.test.key.pk}",
            {"note": "Vault, moved"},
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}"},
        )
        assert answer.status_code == expected
    assert "Vault, moved" in text_of(owner, keys)
    assert AuditEvent.objects.filter(action="api_key.noted").count() == 2


def test_rolled_key_is_told_to_owners_and_admins(owner: Client, acme: World) -> None:
    Mail.objects.all().delete()
    new = roll(owner, acme)
    assert told("key_rolled") == ADMINISTRATORS
    assert told("key_issued") == []  # one mail for one deed
    body = Mail.objects.filter(kind="key_rolled")[0].body
    assert body is not None
    words = json.loads(body.reveal())["text"]
    assert str(acme.test.key) in words
    assert f"{new[:8]}…{new[-4:]}" in words
    assert new[:12] not in words


# -- what the list says -------------------------------------------------------------------------------------
def test_list_tells_of_use_and_of_no_use(owner: Client, acme: World) -> None:
    keys = acme.base("test") + "keys/?kind=secret"
    assert "Never used" in text_of(owner, keys)
    note_key_use(api_key=acme.test.key, ip="192.0.2.44", now=timezone.now())
    text = text_of(owner, keys)
    assert "192.0.2.44" in text
    assert "Never used" not in text
    assert "Not used for 90 days" not in text
    ApiKey.objects.filter(pk=acme.test.key.pk).update(last_used_at=timezone.now() - dt.timedelta(days=91))
    assert "Not used for 90 days" in text_of(owner, keys)


def test_publishable_key_is_whole_in_the_list_and_scopes_are_words(owner: Client, acme: World) -> None:
    text = text_of(owner, acme.base("test") + "keys/")
    public = ApiKey.objects.get(application=acme.application, mode="test", kind="publishable")
    assert public.public_value in text
    assert "consent and tokens, read records" in text
    assert "records:read" not in text


def test_every_scope_has_words() -> None:
    assert set(SCOPE_WORDS) == set(Scope)


# -- live access ----------------------------------------------------------------------------------------------
@pytest.fixture
def barred(acme: World) -> World:
    LiveAccessRequest.objects.all().delete()
    Application.objects.filter(pk=acme.application.pk).update(live_granted_at=None, live_granted_by="")
    Mail.objects.all().delete()
    return acme


def test_live_key_without_live_access_leads_to_where_it_is_asked_for(barred: World, owner: Client) -> None:
    answer = owner.get(barred.base("live") + "keys/new/", follow=True)
    assert answer.redirect_chain == [(barred.base("live") + "settings/", 302)]
    assert "Live keys need live access" in answer.content.decode()


@pytest.mark.parametrize(("decision", "state"), [("granted", "Granted"), ("refused", "Refused")])
def test_live_access_is_asked_for_answered_and_told(decision: str, state: str, barred: World, owner: Client) -> None:
    settings = barred.base("test") + "settings/"
    staff = make_user("staff@relay.example", staff=True)
    owner.post(settings + "live-access/", {"purpose": "Care for members."})
    assert told("live_access_requested") == [staff.email]
    waiting = text_of(owner, settings)
    assert "Your request is with our support staff" in waiting
    assert 'name="purpose"' not in waiting
    asked = LiveAccessRequest.objects.get()
    granted = decision == "granted"
    decide_live_access(request=asked, granted=granted, notes="Because of this.", by=SYSTEM, now=timezone.now())
    assert told("live_access_decided") == ADMINISTRATORS
    answered = text_of(owner, settings)
    assert state in answered
    assert "Because of this." in answered
    assert ('name="purpose"' in answered) != granted
