"""Redirect URIs: what a patient may be sent to. Source: RFC 6749 3.1.2; rulings A1 (they stand in a policy)."""

from __future__ import annotations

import pytest

from apps.applications.keys import Mode
from apps.applications.models import RedirectUri
from apps.applications.services import InvalidRedirectUri, add_redirect_uri, remove_redirect_uri
from apps.audit.events import SYSTEM
from apps.audit.models import AuditEvent
from tests.flows.world import Team

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("uri", "mode"),
    [
        ("https://care.example/callback", Mode.LIVE), ("https://care.example:8443/a/b?tenant=1", Mode.LIVE),
        ("https://[2001:db8::1]/callback", Mode.LIVE), ("http://localhost:3000/", Mode.TEST),
        ("http://127.0.0.1:3000/callback", Mode.TEST), ("http://[::1]:3000/callback", Mode.TEST),
    ],
)  # fmt: skip
def test_good_addresses_are_kept_to_the_letter_and_once(team: Team, uri: str, mode: Mode) -> None:
    made = add_redirect_uri(application=team.application, mode=mode, uri=uri, by=SYSTEM)
    assert add_redirect_uri(application=team.application, mode=mode, uri=uri, by=SYSTEM) == made
    assert RedirectUri.objects.get(pk=made.pk).uri == uri
    remove_redirect_uri(redirect_uri=made, by=SYSTEM)
    assert list(AuditEvent.objects.order_by("-id").values_list("action", flat=True)[:2]) == [
        "redirect_uri.removed", "redirect_uri.added",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "uri",
    [
        "", "care.example", "/callback", "//care.example/", "https://", "https:///callback", "ftp://care.example/",
        "javascript:alert(1)", "care://callback", "http://care.example/", "https://care.example/#here", "https://care.example/#",
        "https://user:pass@care.example/", "https://user@care.example/", "https://@care.example/", "https://[care/",
        "https://care.example:port/", "https://care.example:99999/", "https://care.example; frame-ancestors */",
        "https://care.example;script-src/", "https://care.example,x/", "https://*.example/", "https://care.example/a b",
        "https://care.example/\nSet-Cookie:x", "https://care.example/\x00", "https://care\t.example/", "https://käre.example/",
        "https://care.example/" + "x" * 500,
    ],
)  # fmt: skip
def test_other_addresses_are_refused_with_a_sentence(team: Team, uri: str) -> None:
    before = RedirectUri.objects.count()
    with pytest.raises(InvalidRedirectUri, match="redirect_uri must"):
        add_redirect_uri(application=team.application, mode=Mode.TEST, uri=uri, by=SYSTEM)
    assert RedirectUri.objects.count() == before


SENTENCES = {
    "https://care.example/#here": "redirect_uri must have no fragment: leave out # and what follows.",
    "https://user:pass@care.example/": "redirect_uri must have no user name or password in it.",
    "https://*.example/": "redirect_uri must have no wildcard: register each address, to the letter.",
    "javascript:alert(1)": "redirect_uri must use https: browsers follow no other scheme from here.",
    "http://care.example/": "redirect_uri must use https (http only for localhost, and only in test mode).",
    "https://care.example/" + "x" * 500: "redirect_uri must have 500 characters at most.",
    "/callback": "redirect_uri must be a full URL like https://app.example/callback.",
}


@pytest.mark.parametrize(("uri", "sentence"), list(SENTENCES.items()))
def test_each_fault_has_its_own_sentence(team: Team, uri: str, sentence: str) -> None:
    with pytest.raises(InvalidRedirectUri) as refused:
        add_redirect_uri(application=team.application, mode=Mode.TEST, uri=uri, by=SYSTEM)
    assert str(refused.value) == sentence


def test_plain_http_is_for_loopback_in_test_mode_only(team: Team) -> None:
    with pytest.raises(InvalidRedirectUri, match="https"):
        add_redirect_uri(application=team.application, mode=Mode.LIVE, uri="http://localhost:3000/", by=SYSTEM)
