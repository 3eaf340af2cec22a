"""The wrong key at the wrong door: which kind, which mode, which scope, and the exact words."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from apps.applications.models import ApiKey
from apps.applications.selectors import find_api_key
from apps.applications.services import end_api_key, roll_api_key
from apps.audit.events import SYSTEM

from .conftest import Place
from .refusals import ask, fault_of
from .routes import Face

SECRET_FORM = "secret_key must be a secret key (sk_test_… or sk_live_…)"
PUBLIC_FORM = "client_id must be a publishable key (pk_test_… or pk_live_…)"
KEEP = "Keep that one on your server; if it got out, roll it."
UNKNOWN = "sk_test_" + "A" * 43
WRONG_CLIENT = "Unauthorized: Invalid credentials."


def key_of(value: str) -> ApiKey:
    found = find_api_key(value, now=timezone.now())
    assert found is not None
    return found


def exchange(place: Place, secret: str) -> Any:
    body = {"public_token": "public_token_x", "secret_key": secret}
    return ask(place.client(Face.LINK).post, "/link/exchange", body, content_type="application/json")


def token(place: Place, body: dict[str, str], pair: tuple[str, str] | None = None) -> Any:
    basic = base64.b64encode(":".join(pair).encode()).decode() if pair else ""
    headers = {"Authorization": f"Basic {basic}"} if pair else {}
    return ask(place.client(Face.LINK).post, "/link/token", body, content_type="application/json", headers=headers)


def said(answer: Any, status: int) -> str:
    assert (answer.status_code, fault_of(answer, Face.LINK), answer.rows_changed) == (status, "", {})
    return str(answer.json()["error_description"])


def test_where_a_secret_key_is_due_every_other_key_is_named(place: Place) -> None:
    assert said(exchange(place, place.publishable), 401) == f"{SECRET_FORM}; this is a publishable key."
    assert said(exchange(place, place.management), 401) == f"{SECRET_FORM}; this is a management key. {KEEP}"
    assert said(exchange(place, "sk_test_short"), 401) == f"{SECRET_FORM}; this is no key. Copy it whole."
    assert said(exchange(place, UNKNOWN), 401) == (
        "secret_key: no test secret key here has this text. Compare it with API keys in the portal."
    )


def test_where_a_publishable_key_is_due_a_secret_one_is_named_and_not_repeated(place: Place) -> None:
    body = {"grant_type": "authorization_code", "client_id": place.secret}
    sentence = f"{WRONG_CLIENT} {PUBLIC_FORM}; this is a secret key. {KEEP}"
    assert said(token(place, body), 401) == sentence
    for parameters, name in ((("/link/auth", "client_id"), "client_id"), (("/link/open", "publishableKey"),) * 2):
        path, parameter = parameters
        answer = place.client(Face.CONSENT).get(path, {parameter: place.secret})
        assert answer.status_code == 400
        page = answer.content.decode()
        assert f"{parameter} must be a publishable key (pk_test_… or pk_live_…); this is a secret key. {KEEP}" in page
        assert place.secret not in page
        assert name


@pytest.mark.parametrize("how", ["ended", "rolled", "rolled with an overlap that is over"])
def test_a_key_that_has_ended_says_so_and_when(place: Place, how: str) -> None:
    key, now = key_of(place.secret), timezone.now() - dt.timedelta(hours=2)
    if how == "ended":
        end_api_key(api_key=key, by=SYSTEM, now=now)
    else:
        roll_api_key(api_key=key, overlap_seconds=0 if how == "rolled" else 3600, by=SYSTEM, now=now)
    key.refresh_from_db()
    assert key.expires_at is not None
    ended = key.expires_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    sentence = f"secret_key: this test secret key ended at {ended}. Use its successor, or create a key."
    assert said(exchange(place, place.secret), 401) == sentence
    answer = place.client(Face.API).get("/api/v1/keys", headers={"Authorization": f"Bearer {place.secret}"})
    assert (answer.status_code, fault_of(answer, Face.API)) == (401, "")
    assert f"it ended at {ended}" in answer.json()["detail"]


def test_a_key_that_is_being_rolled_works_until_its_overlap_ends(place: Place) -> None:
    roll_api_key(api_key=key_of(place.secret), overlap_seconds=60, by=SYSTEM, now=timezone.now())
    assert said(exchange(place, place.secret), 400).startswith("Invalid public token.")


def test_two_keys_of_two_modes_are_named_by_both(place: Place) -> None:
    refresh = {"grant_type": "refresh_token", "refresh_token": "r"}
    assert said(token(place, refresh, (place.publishable, place.live_secret)), 401) == (
        f"{WRONG_CLIENT} client_id is a test key and client_secret a live key: send two of one mode."
    )
    assert said(token(place, refresh, (place.live_publishable, place.secret)), 401) == (
        f"{WRONG_CLIENT} client_id is a live key and client_secret a test key: send two of one mode."
    )
    theirs = place.zeta.test.key_value
    assert said(token(place, refresh, (place.publishable, theirs)), 401) == (
        f"{WRONG_CLIENT} client_id and client_secret are keys of two applications: send two of one."
    )


def test_a_swapped_pair_is_explained(place: Place) -> None:
    refresh = {"grant_type": "refresh_token", "refresh_token": "r"}
    sentence = f"{WRONG_CLIENT} {PUBLIC_FORM}; this is a secret key. {KEEP}"
    assert said(token(place, refresh, (place.secret, place.publishable)), 401) == sentence
    assert said(token(place, refresh), 401) == (
        f"{WRONG_CLIENT} Send Authorization: Basic base64(publishable key:secret key), two keys of one application "
        "and mode."
    )


def test_revoking_with_the_key_of_another_mode_or_team_is_explained(place: Place) -> None:
    def revoke(secret: str) -> str:
        headers, body = place.headers(Face.LINK), {"secret_key": secret}
        client = place.client(Face.LINK)
        answer = ask(client.post, "/link/revoke", body, content_type="application/json", headers=headers)
        return said(answer, 401)

    assert revoke(place.live_secret) == "secret_key is a live key, the access token one of test mode."
    assert revoke(place.zeta.test.key_value) == "secret_key belongs to another application than the access token."


def test_live_only_grants_say_which_keys_they_need(place: Place) -> None:
    answer = token(place, {"grant_type": "client_credentials"}, (place.publishable, place.secret))
    assert said(answer, 403) == "Application access tokens need live keys; these are test keys. Send the live pair."


def test_a_missing_scope_is_named_with_where_to_get_it(place: Place) -> None:
    client, headers = place.client(Face.API), {"Authorization": f"Bearer {place.secret}"}
    answer = ask(client.post, "/api/v1/destinations", {}, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"], answer.rows_changed) == (403, "missing_scope", {})
    assert answer.json()["detail"] == (
        f"This needs the scope destinations:write. The secret key {key_of(place.secret)} has: link, records:read. "
        "Use a management key (mk_test_…), made in the portal under API keys."
    )


@pytest.mark.parametrize("what", ["a publishable key", "no key", "another scheme", "nothing", "an unknown key"])
def test_the_management_api_says_what_was_sent_and_what_is_needed(place: Place, what: str) -> None:
    header, sentence = {
        "a publishable key": (f"Bearer {place.publishable}", "a publishable key opens the consent pages only"),
        "no key": ("Bearer nonsense", "is not a key of the form mk_test_… or mk_live_…"),
        "another scheme": ("Basic abc", "An Authorization header of another scheme was sent"),
        "nothing": ("", "No key was sent"),
        "an unknown key": (f"Bearer {UNKNOWN}", "no test key here has this text"),
    }[what]
    answer = place.client(Face.API).get("/api/v1/keys", headers={"Authorization": header} if header else {})
    assert (answer.status_code, fault_of(answer, Face.API)) == (401, "")
    assert sentence in answer.json()["detail"]
    assert "Send a management key (mk_test_… or mk_live_…) as `Authorization: Bearer <key>`" in answer.json()["detail"]


def test_use_of_a_publishable_key_is_noted_without_the_patients_address(place: Place) -> None:
    key = key_of(place.publishable)
    assert key.last_used_at is None
    place.client(Face.CONSENT).get("/link/open", {"publishableKey": place.publishable, "externalId": "user-2"})
    key.refresh_from_db()
    assert (key.last_used_at is not None, key.last_used_ip) == (True, "")
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=None)
    body = {"grant_type": "authorization_code", "client_id": place.publishable}
    place.client(Face.LINK).post("/link/token", body, content_type="application/json")
    key.refresh_from_db()
    assert key.last_used_at is not None
