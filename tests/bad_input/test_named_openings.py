"""What applications get wrong when they open a consent: at `/link/auth` and in the widget. The exact words."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.test import Client

from apps.applications.keys import Mode
from apps.applications.services import add_redirect_uri
from apps.audit.events import SYSTEM
from apps.authorizations.models import Consent

from .conftest import ABSENT, CALLBACK, Place
from .refusals import ask, listening

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B
UNREGISTERED = "redirect_uri is not registered for this application and mode."
LETTER = "It differs from a registered one by a final slash or by capital letters: send that one to the letter."


def opening(place: Place, changes: Mapping[str, str | None], query: str = "") -> Any:
    fields: dict[str, str | None] = {
        "response_type": "code", "client_id": place.publishable, "redirect_uri": CALLBACK, "state": "s1",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "launch/patient",
        "flexpa_external_id": "user-1", **changes,
    }  # fmt: skip
    pairs = {name: value for name, value in fields.items() if value is not None}
    return ask(Client().get, f"/link/auth?{urlencode(pairs)}{query}")


def page_of(answer: Any, status: int = 400) -> str:
    assert (answer.status_code, answer.rows_changed) == (status, {})
    assert "Location" not in answer.headers
    return html.unescape(answer.content.decode())


def told(answer: Any) -> dict[str, str]:
    assert (answer.status_code, answer.rows_changed) == (302, {})
    where, _, query = answer.headers["Location"].partition("?")
    assert where == CALLBACK
    assert urlsplit(answer.headers["Location"]).fragment == ""
    return dict(parse_qsl(query))


URIS = {
    CALLBACK + "/": f"{UNREGISTERED} {LETTER}",
    CALLBACK.replace("callback", "Callback"): f"{UNREGISTERED} {LETTER}",
    CALLBACK + "#top": f"{UNREGISTERED} A redirect URI has no fragment: leave out what follows #.",
    "http://care.example/callback": f"{UNREGISTERED} Register it to the letter under Settings.",
    "javascript:alert(1)": f"{UNREGISTERED} Register it to the letter under Settings.",
    CALLBACK + "?next=1": f"{UNREGISTERED} Register it to the letter under Settings.",
    "https://live.example/": f"{UNREGISTERED} It is registered for the other mode, and client_id is a test key.",
    "": "redirect_uri is missing: send one that is registered for this application under Settings.",
}


@pytest.mark.parametrize(("uri", "sentence"), list(URIS.items()))
def test_an_address_that_is_not_registered_is_explained_on_a_page(place: Place, uri: str, sentence: str) -> None:
    add_redirect_uri(application=place.acme.application, mode=Mode.LIVE, uri="https://live.example/", by=SYSTEM)
    page = page_of(opening(place, {"redirect_uri": uri}))
    assert sentence in page
    assert CALLBACK not in page  # what is registered is not told


WIDE = "code_challenge must be the SHA-256 of your code_verifier in base64url: 43 characters, no padding."
SCOPES = "Known: launch/patient, offline_access, openid, profile."
EXTERNAL = "flexpa_external_id is required: your own id of this user, 1 to 255 printable characters."
REFUSALS: list[tuple[dict[str, str | None], str, str]] = [
    ({"code_challenge": None}, "invalid_request",
     "code_challenge is missing: PKCE is required, with code_challenge_method=S256."),
    ({"code_challenge_method": "plain"}, "invalid_request",
     "code_challenge_method must be S256: plain is not accepted."),
    ({"code_challenge_method": None}, "invalid_request",
     "code_challenge_method must be S256: it is missing or not known."),
    ({"code_challenge": "a" * 42}, "invalid_request", WIDE),
    ({"code_challenge": CHALLENGE + "="}, "invalid_request", WIDE),
    ({"scope": "offline_access"}, "invalid_scope", "scope must contain launch/patient."),
    ({"scope": "launch/patient system/*.read"}, "invalid_scope", f"scope system/*.read is not known here. {SCOPES}"),
    ({"response_type": "token"}, "unsupported_response_type", "response_type must be code."),
    ({"flexpa_external_id": None}, "invalid_request", EXTERNAL),
    ({"flexpa_external_id": "a\nb"}, "invalid_request", EXTERNAL),
    ({"flexpa_external_id": "a\ufffd"}, "invalid_request", EXTERNAL),
    ({"flexpa_endpoint_id": ABSENT}, "invalid_request",
     "flexpa_endpoint_id is no connectable endpoint of test mode. Send its id, or leave it out."),
    ({"flexpa_endpoint_id": ABSENT, "flexpa_ial2_mode": "true"}, "invalid_request",
     "flexpa_ial2_mode cannot be sent with flexpa_endpoint_id."),
    ({"state": "x" * 1001}, "invalid_request", "state must have 1000 characters at most, and no NUL."),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "error", "sentence"), REFUSALS)
def test_a_bad_request_is_told_to_the_application(
    place: Place, changes: dict[str, str | None], error: str, sentence: str
) -> None:
    answer = told(opening(place, changes))
    assert (answer["error"], answer["error_description"]) == (error, sentence)
    assert answer["state"] == changes.get("state", "s1")


def test_a_parameter_that_is_sent_twice_is_named(place: Place) -> None:
    """RFC 6749 3.1."""
    assert told(opening(place, {}, "&scope=launch/patient"))["error_description"] == (
        "scope was sent more than once. Send it once."
    )
    assert "state" not in told(opening(place, {}, "&state=s2"))
    assert "redirect_uri was sent more than once. Send it once." in page_of(
        opening(place, {}, "&redirect_uri=https://attacker.example/")
    )


def test_the_widget_says_what_is_wrong_on_its_page(place: Place) -> None:
    good = {"publishableKey": place.publishable, "externalId": "user-1", "usage": "MULTIPLE"}
    for changes, sentence in (
        ({"usage": "TWICE"}, "usage must be ONE_TIME or MULTIPLE."),
        ({"externalId": "x" * 256}, "user.externalId must be your own id of this user, 1 to 255 printable characters."),
        ({"endpoint": ABSENT}, "endpoint is no connectable endpoint of test mode. Send its id, or leave it out."),
        ({"publishableKey": ""}, "publishableKey is missing: send a publishable key (pk_test_… or pk_live_…)."),
    ):
        assert sentence in page_of(ask(Client().get, "/link/open", {**good, **changes}))


PERSONS = {
    "ada.lovelace@example.org": "an e-mail address", "078-05-1120": "a Social Security number",
    "078051120": "a Social Security number",
}  # fmt: skip


@pytest.mark.parametrize(("external_id", "look"), list(PERSONS.items()))
def test_an_external_id_that_names_a_person_is_said_in_test_mode_and_logged_by_its_hash(
    place: Place, external_id: str, look: str
) -> None:
    """Rulings B34."""
    browser = Client()
    with listening() as lines:
        for _ in range(2):
            answer = browser.get("/link/open", {"publishableKey": place.publishable, "externalId": external_id})
    page = browser.get(answer.headers["Location"]).content.decode()
    assert f"the external id of this user looks like {look}." in page
    assert external_id not in page
    said = [line for line in lines if line.startswith("relay.consent")]
    assert len(said) == 2
    assert len(set(said)) == 1  # the same id has the same hash
    assert not [line for line in lines if external_id in line]


@pytest.mark.parametrize("external_id", ["user-1", "1234567890", "12345678-9", "a@b", "078-051120", ""])
def test_an_ordinary_external_id_is_not_remarked_upon(place: Place, external_id: str) -> None:
    browser = Client()
    with listening() as lines:
        answer = browser.get("/link/open", {"publishableKey": place.publishable, "externalId": external_id})
    assert "To the developer" not in browser.get(answer.headers["Location"]).content.decode()
    assert not [line for line in lines if line.startswith("relay.consent")]


def test_patients_in_live_mode_see_no_word_to_the_developer(place: Place) -> None:
    browser, query = Client(), {"publishableKey": place.live_publishable, "externalId": "ada@example.org"}
    answer = browser.get("/link/open", query)
    assert "To the developer" not in browser.get(answer.headers["Location"]).content.decode()
    assert Consent.objects.filter(mode="live", end_user__external_id="ada@example.org").count() == 1


@pytest.mark.parametrize("path", ["source/", "confirm/", ""])
def test_what_a_page_cannot_read_is_said_on_a_page(place: Place, path: str, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    for body, kind, status in (
        (b"endpoint=" + b"x" * 5000, "application/x-www-form-urlencoded", 413),
        (b"x", "multipart/form-data", 400),
        (b"endpoint=x", "application/x-www-form-urlencoded; charset=latin-1", 400),
    ):
        url = f"/link/c/{place.ticket}/{path}"
        answer = ask(Client().post, url, body, content_type=kind)
        if path == "confirm/":  # no source is chosen yet: nothing is read
            assert answer.status_code == 302
        else:
            assert "What was sent" in page_of(answer, status)
