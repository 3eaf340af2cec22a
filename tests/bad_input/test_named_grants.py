"""Codes, public tokens and refresh tokens that open nothing, and the exact words that say why."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from typing import Any

import pytest
from django.utils import timezone

from apps.applications.keys import KeyKind, Mode
from apps.applications.services import issue_api_key
from apps.audit.events import SYSTEM
from apps.authorizations.models import AccessToken, Consent, OneTimeToken
from apps.authorizations.services.sign_in import TOKEN_PURPOSE
from apps.encryption.fields import keyring
from tests.factories import make_authorization

from .conftest import CALLBACK, Place
from .refusals import ask, fault_of
from .routes import Face

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
AGAIN = "Send the patient through the consent pages again."
CODE = "Invalid authorization code:"


def make_token(place: Place, kind: OneTimeToken.Kind, **changes: Any) -> str:
    """Make a signed-in consent of the first team in test mode, and the token that ends it."""
    authorization = make_authorization(place.acme.application, Mode.TEST, place.acme.test.endpoint, user="user-9")
    flow = Consent.Flow.OAUTH if kind == OneTimeToken.Kind.CODE else Consent.Flow.LINK
    Consent.objects.filter(pk=authorization.consent_id).update(
        flow=flow, redirect_uri=CALLBACK, code_challenge=CHALLENGE, scope="launch/patient offline_access"
    )
    value = f"{kind}-{authorization.pk}"
    key_id, digest = keyring().digest(value, purpose=TOKEN_PURPOSE)
    fields = {"expires_at": timezone.now() + dt.timedelta(minutes=5), **changes}
    OneTimeToken.objects.create(consent=authorization.consent, kind=kind, key_id=key_id, digest=digest, **fields)
    return value


def redeem(place: Place, sent: str, **changes: str) -> Any:
    body = {
        "grant_type": "authorization_code", "code": sent, "redirect_uri": CALLBACK, "code_verifier": VERIFIER,
        "client_id": place.publishable, **changes,
    }  # fmt: skip
    return place.client(Face.LINK).post("/link/token", body, content_type="application/json")


def exchange(place: Place, token: str, secret: str) -> Any:
    body = {"public_token": token, "secret_key": secret}
    return place.client(Face.LINK).post("/link/exchange", body, content_type="application/json")


def said(answer: Any, error: str, status: int = 400) -> str:
    assert (answer.status_code, fault_of(answer, Face.LINK)) == (status, "")
    assert answer.json()["error"] == error
    return str(answer.json()["error_description"])


def test_a_code_with_everything_right_is_taken_once(place: Place) -> None:
    code = make_token(place, OneTimeToken.Kind.CODE)
    assert redeem(place, code).status_code == 200
    running = AccessToken.objects.filter(revoked_at__isnull=True)
    before = running.count()
    again = ask(redeem, place, code)
    assert said(again, "invalid_grant") == f"{CODE} It was used before; each works once. {AGAIN}"
    assert again.json()["message"] == "Invalid authorization code"
    assert again.rows_changed == {"audit_auditevent": 1}
    assert running.count() == before  # `ask` has taken it back
    redeem(place, code)
    assert running.count() == before - 1  # RFC 6749 4.1.2: what the code issued has ended


SHORT = f"{CODE} code_verifier must have 43 to 128 characters of A-Z a-z 0-9 - . _ ~."
WRONG: list[tuple[dict[str, str], str]] = [
    ({"code": "unknown"}, f"{CODE} code is not known to this client: send it as it came to your redirect URI."),
    ({"redirect_uri": CALLBACK + "/"},
     f"{CODE} redirect_uri differs from the one that the consent was opened with: send that one, letter by letter."),
    ({"code_verifier": "short"}, SHORT),
    ({"code_verifier": "v" * 129}, SHORT),
    ({"code_verifier": "v" * 42 + "!"}, SHORT),
    ({"code_verifier": "v" * 43},
     f"{CODE} code_verifier is not the one whose S256 hash was sent as code_challenge."),
    ({"code_verifier": CHALLENGE},
     f"{CODE} code_verifier is not the one whose S256 hash was sent as code_challenge."),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "sentence"), WRONG)
def test_a_wrong_part_of_a_code_grant_is_named_and_uses_nothing_up(
    place: Place, changes: dict[str, str], sentence: str
) -> None:
    code = make_token(place, OneTimeToken.Kind.CODE)
    answer = ask(redeem, place, code, **changes)
    assert said(answer, "invalid_grant") == sentence
    assert answer.rows_changed == {}
    assert code not in answer.content.decode()
    assert redeem(place, code).status_code == 200


def test_what_is_missing_is_named_all_at_once(place: Place) -> None:
    body = {"grant_type": "authorization_code", "client_id": place.publishable, "code_verifier": ""}
    answer = ask(place.client(Face.LINK).post, "/link/token", body, content_type="application/json")
    assert said(answer, "invalid_request") == (
        "Missing: code, redirect_uri, code_verifier. Send code, redirect_uri and code_verifier, each as a text."
    )
    answer = ask(place.client(Face.LINK).post, "/link/token", {}, content_type="application/json")
    assert said(answer, "invalid_request") == "Missing: grant_type. Send grant_type, each as a text."
    answer = ask(place.client(Face.LINK).post, "/link/exchange", {}, content_type="application/json")
    assert said(answer, "Bad Request") == (
        "Missing: public_token, secret_key. Send public_token and secret_key, each as a text."
    )


def test_an_expired_code_says_how_long_codes_live(place: Place) -> None:
    code = make_token(place, OneTimeToken.Kind.CODE, expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert said(redeem(place, code), "invalid_grant") == f"{CODE} It has expired: a code lives 300 seconds. {AGAIN}"


def test_a_code_of_another_client_is_unknown_to_this_one_and_stays(place: Place) -> None:
    code = make_token(place, OneTimeToken.Kind.CODE)
    stranger = place.zeta.application.api_keys.get(kind=KeyKind.PUBLISHABLE, mode=Mode.TEST).public_value
    assert said(redeem(place, code, client_id=stranger), "invalid_grant") == (
        f"{CODE} code is not known to this client: send it as it came to your redirect URI."
    )
    assert redeem(place, code).status_code == 200


def test_a_code_with_the_key_of_the_other_mode_names_both_modes(place: Place) -> None:
    code = make_token(place, OneTimeToken.Kind.CODE)
    assert said(redeem(place, code, client_id=place.live_publishable), "invalid_grant") == (
        f"{CODE} The code was made in test mode, and the key is a live key: use a test key."
    )
    token = make_token(place, OneTimeToken.Kind.PUBLIC_TOKEN)
    assert said(exchange(place, token, place.live_secret), "Bad Request") == (
        "Invalid public token. public_token was made in test mode, and the key is a live key: use a test key."
    )


@pytest.mark.parametrize("how", ["used", "expired"])
def test_a_public_token_that_is_over_answers_the_contracts_words(place: Place, how: str) -> None:
    late = {"expires_at": timezone.now() - dt.timedelta(seconds=1)} if how == "expired" else {}
    token = make_token(place, OneTimeToken.Kind.PUBLIC_TOKEN, **late)
    if how == "used":
        assert exchange(place, token, place.secret).status_code == 200
    answer = ask(exchange, place, token, place.secret)
    assert said(answer, "Bad Request") == "Invalid public token. Public token has expired."
    assert answer.rows_changed == {}


def test_a_refresh_token_says_why_it_opens_nothing(place: Place) -> None:
    issued = redeem(place, make_token(place, OneTimeToken.Kind.CODE)).json()

    def refresh(token: str, public: str, secret: str) -> Any:
        headers = {"Authorization": "Basic " + base64.b64encode(f"{public}:{secret}".encode()).decode()}
        body = {"grant_type": "refresh_token", "refresh_token": token}
        return place.client(Face.LINK).post("/link/token", body, content_type="application/json", headers=headers)

    mine, old = (place.publishable, place.secret), issued["refresh_token"]
    assert said(refresh("unknown", *mine), "invalid_grant") == (
        "refresh_token is not known to this client: send the newest one that you were given."
    )
    theirs = issue_api_key(application=place.zeta.application, mode=Mode.TEST, kind=KeyKind.PUBLISHABLE, by=SYSTEM)
    foreign = refresh(old, theirs.value, place.zeta.test.key_value)
    assert said(foreign, "invalid_grant").startswith("refresh_token is not known to this client")
    assert said(refresh(old, place.live_publishable, place.live_secret), "invalid_grant") == (
        "The refresh token was made in test mode, and the key is a live key: use a test key."
    )
    assert refresh(old, *mine).status_code == 200
    assert said(refresh(old, *mine), "invalid_grant") == (
        "refresh_token was used before; each works once. For safety all tokens of this consent have ended. "
        "Send the patient through the consent pages again."
    )


@pytest.mark.parametrize("path", ["/link/token", "/oauth/token", "/link/exchange"])
def test_a_field_that_is_sent_twice_is_named(place: Place, path: str) -> None:
    """RFC 6749 3.2."""
    for body, kind in (
        ("secret_key=a&secret_key=b&grant_type=x", "application/x-www-form-urlencoded"),
        ('{"secret_key": "a", "secret_key": "b"}', "application/json"),
    ):
        answer = ask(place.client(Face.LINK).post, path, body, content_type=kind)
        assert said(answer, "invalid_request") == "Sent more than once: secret_key. Send each field once."
