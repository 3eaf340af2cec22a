"""The authorization code flow with PKCE, over real HTTP."""

from __future__ import annotations

import httpx
import pytest

from apps.sandbox.payer.oauth import is_loopback
from apps.sandbox.payer.server import LocalPayer
from apps.sandbox.payer.state import Options

from .browser import REDIRECT_URI, SCOPE, Browser, answer_of
from .conftest import Clock

LOGIN, PASSWORD = "patient1@flexpa.com", "examplepatient"


def test_code_flow_ends_in_tokens_for_the_member(foomedical: Browser) -> None:
    answer = answer_of(foomedical.submit(foomedical.sign_in(LOGIN, PASSWORD), decision="allow"))
    assert answer["state"] == "s-1"
    response = foomedical.redeem(answer["code"])
    tokens = response.json()
    assert response.headers["Cache-Control"] == "no-store"
    assert tokens["patient"] == "foo-1"
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3600
    assert tokens["scope"] == SCOPE
    assert tokens["refresh_token"]


def test_discovery_names_the_endpoints_that_the_flow_uses(foomedical: Browser) -> None:
    document = foomedical.http.get(f"{foomedical.fhir}/.well-known/smart-configuration").json()
    assert document["authorization_endpoint"] == f"{foomedical.oauth}/authorize"
    assert document["token_endpoint"] == f"{foomedical.oauth}/token"
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert "permission-offline" in document["capabilities"]


@pytest.mark.parametrize(
    ("login", "password"),
    [
        (LOGIN, "wrong"),
        (LOGIN, ""),
        ("nobody@flexpa.com", PASSWORD),
        ("HUser00001", "PW00001!"),
        ("acme-1", ""),
    ],
)
def test_wrong_sign_in_shows_the_form_again_with_a_message(foomedical: Browser, login: str, password: str) -> None:
    page = foomedical.sign_in(login, password)
    assert page.status_code == 400
    assert "That sign-in is not right" in page.text
    assert "Share your records?" not in page.text
    assert "Share your records?" in foomedical.submit(page, login=LOGIN, password=PASSWORD, decision="continue").text


def test_humana_member_signs_in_with_published_credentials(humana: Browser) -> None:
    assert humana.connect("HUser00001", "PW00001!").patient == "hum-m-00001"


def test_acme_lists_its_members_and_issues_no_refresh_token(acme: Browser) -> None:
    page = acme.authorize()
    assert 'type="password"' not in page.text
    assert 'value="acme-1"' in page.text
    tokens = acme.redeem(acme.code("acme-2")).json()
    assert tokens["patient"] == "acme-m-2"
    assert "refresh_token" not in tokens
    assert tokens["scope"] == "launch/patient patient/*.read"


@pytest.mark.parametrize("login", [LOGIN, "HUser00001", "nobody", ""])
def test_acme_lets_nobody_in_but_its_own_members(acme: Browser, login: str) -> None:
    assert "Share your records?" not in acme.sign_in(login).text


def test_without_offline_access_no_refresh_token_is_issued(foomedical: Browser) -> None:
    page = foomedical.authorize(scope="launch/patient patient/*.read")
    approval = foomedical.submit(page, login=LOGIN, password=PASSWORD, decision="continue")
    code = answer_of(foomedical.submit(approval, decision="allow"))["code"]
    assert "refresh_token" not in foomedical.redeem(code).json()


def test_cancel_on_either_page_goes_back_with_access_denied(foomedical: Browser) -> None:
    for answer in (
        foomedical.submit(foomedical.authorize(), decision="cancel"),
        foomedical.submit(foomedical.sign_in(LOGIN, PASSWORD), decision="cancel"),
    ):
        parts = answer_of(answer)
        assert parts["error"] == "access_denied"
        assert parts["state"] == "s-1"
        assert "code" not in parts


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"aud": "https://fhir.elsewhere.example"}, "invalid_request"),
        ({"aud": None}, "invalid_request"),
        ({"state": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"scope": "openid"}, "invalid_scope"),
    ],
)
def test_bad_authorize_request_goes_back_with_an_error(
    foomedical: Browser, changes: dict[str, str | None], error: str
) -> None:
    assert answer_of(foomedical.authorize(**changes))["error"] == error


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "someone-else"},
        {"redirect_uri": "https://attacker.example/"},
        {"redirect_uri": "https://app.example/callback/more"},
        {"redirect_uri": None},
    ],
)
def test_unknown_asker_is_not_sent_anywhere(foomedical: Browser, changes: dict[str, str | None]) -> None:
    response = foomedical.authorize(**changes)
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert "<form" not in response.text


def test_registered_redirect_uri_is_accepted(foomedical: Browser) -> None:
    assert foomedical.authorize(redirect_uri="https://app.example/callback").status_code == 200


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:3000/callback", True),
        ("http://127.0.0.2/x?y=1", True),
        ("https://[::1]:8/", True),
        ("http://localhost.attacker.example/", False),
        ("http://127.0.0.1@attacker.example/", False),
        ("http://localhost:99999/", False),
        ("http://localhost/#x", False),
        ("ftp://localhost/", False),
        ("javascript://localhost/%0aalert(1)", False),
        ("http://[::1/", False),
        ("", False),
    ],
)
def test_is_loopback_accepts_this_machine_only(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


def test_wrong_verifier_is_refused_and_the_code_still_works(foomedical: Browser) -> None:
    code = foomedical.code(LOGIN, PASSWORD)
    refused = foomedical.redeem(code, code_verifier="w" * 43)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert foomedical.redeem(code).status_code == 200


@pytest.mark.parametrize(
    "changes", [{"redirect_uri": REDIRECT_URI + "/"}, {"code_verifier": ""}, {"code": "x.y"}, {"code": "é"}]
)
def test_redeem_with_another_detail_is_invalid_grant(foomedical: Browser, changes: dict[str, str]) -> None:
    form = {"code": foomedical.code(LOGIN, PASSWORD), **changes}
    assert foomedical.redeem(**form).json()["error"] == "invalid_grant"


def test_token_request_of_unknown_client_or_grant_is_refused(foomedical: Browser) -> None:
    code = foomedical.code(LOGIN, PASSWORD)
    stranger = foomedical.redeem(code, client_id="someone-else")
    assert (stranger.status_code, stranger.json()["error"]) == (401, "invalid_client")
    assert foomedical.token(grant_type="password").json()["error"] == "unsupported_grant_type"


def test_code_used_twice_is_refused_and_ends_its_tokens(foomedical: Browser) -> None:
    code = foomedical.code(LOGIN, PASSWORD)
    tokens = foomedical.redeem(code).json()
    assert foomedical.redeem(code).json()["error"] == "invalid_grant"
    assert foomedical.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert _read_status(foomedical, tokens["access_token"]) == 401


def test_code_is_over_after_five_minutes(foomedical: Browser, clock: Clock) -> None:
    code = foomedical.code(LOGIN, PASSWORD)
    clock.now += 301
    assert foomedical.redeem(code).json()["error"] == "invalid_grant"


def test_code_of_another_plan_is_refused(foomedical: Browser, humana: Browser) -> None:
    assert humana.redeem(foomedical.code(LOGIN, PASSWORD)).json()["error"] == "invalid_grant"


def test_sign_in_page_of_another_plan_or_too_old_is_a_dead_end(
    foomedical: Browser, humana: Browser, clock: Clock
) -> None:
    page = foomedical.authorize()
    moved = httpx.Response(200, text=page.text, request=httpx.Request("GET", f"{humana.oauth}/authorize"))
    others = humana.submit(moved, login="HUser00001", password="PW00001!", decision="continue")
    clock.now += 1801
    late = foomedical.submit(page, login=LOGIN, password=PASSWORD, decision="continue")
    for dead_end in (others, late):
        assert dead_end.status_code == 400
        assert "<form" not in dead_end.text


def test_approval_cannot_be_reached_without_signing_in(foomedical: Browser) -> None:
    page = foomedical.authorize()
    jumped = httpx.Response(200, text=page.text.replace('action="sign-in"', 'action="approve"'), request=page.request)
    assert foomedical.submit(jumped, decision="allow").status_code == 400


def test_refresh_rotates_and_both_access_tokens_work(foomedical: Browser) -> None:
    first = foomedical.redeem(foomedical.code(LOGIN, PASSWORD)).json()
    second = foomedical.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["patient"] == "foo-1"
    assert _read_status(foomedical, first["access_token"]) == 200
    assert _read_status(foomedical, second["access_token"]) == 200


def test_refresh_token_used_twice_ends_the_family(foomedical: Browser) -> None:
    first = foomedical.redeem(foomedical.code(LOGIN, PASSWORD)).json()
    second = foomedical.refresh(first["refresh_token"]).json()
    reused = foomedical.refresh(first["refresh_token"])
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
    assert foomedical.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    assert _read_status(foomedical, second["access_token"]) == 401


def test_refresh_at_another_plan_is_refused_and_harmless(foomedical: Browser, humana: Browser) -> None:
    tokens = foomedical.redeem(foomedical.code(LOGIN, PASSWORD)).json()
    assert humana.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert foomedical.refresh(tokens["refresh_token"]).status_code == 200


def test_restarted_server_accepts_a_refresh_token_once(foomedical: Browser, clock: Clock) -> None:
    tokens = foomedical.redeem(foomedical.code(LOGIN, PASSWORD)).json()
    with LocalPayer(Options(base_url="", clock=clock)) as restarted:
        again = Browser(foomedical.http, restarted.url, "foomedical")
        assert again.refresh(tokens["refresh_token"]).status_code == 200
        assert again.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_another_seed_key_knows_no_tokens(foomedical: Browser, clock: Clock) -> None:
    tokens = foomedical.redeem(foomedical.code(LOGIN, PASSWORD)).json()
    with LocalPayer(Options(base_url="", clock=clock, seed_key="another")) as stranger:
        again = Browser(foomedical.http, stranger.url, "foomedical")
        assert again.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_access_token_is_over_after_its_seconds(clock: Clock, http: httpx.Client) -> None:
    with LocalPayer(Options(base_url="", clock=clock, token_seconds=7)) as payer:
        browser = Browser(http, payer.url, "foomedical")
        tokens = browser.redeem(browser.code(LOGIN, PASSWORD)).json()
        assert tokens["expires_in"] == 7
        assert _read_status(browser, tokens["access_token"]) == 200
        clock.now += 8
        assert _read_status(browser, tokens["access_token"]) == 401
        assert _read_status(browser, browser.refresh(tokens["refresh_token"]).json()["access_token"]) == 200


def test_refresh_token_or_code_is_no_access_token(foomedical: Browser) -> None:
    code = foomedical.code(LOGIN, PASSWORD)
    assert _read_status(foomedical, code) == 401
    assert _read_status(foomedical, foomedical.redeem(code).json()["refresh_token"]) == 401


def _read_status(browser: Browser, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return browser.http.get(f"{browser.fhir}/Patient/foo-1", headers=headers).status_code
