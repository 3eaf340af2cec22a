"""What the member's browser gets: escaped text, no scripts, a policy of its own."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from .browser import REDIRECT_URI, Browser


def test_login_shown_again_is_escaped(foomedical: Browser) -> None:
    page = foomedical.sign_in('"><script>alert(1)</script>', "x")
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


def test_policy_lets_the_style_and_the_way_back_through_and_no_more(foomedical: Browser) -> None:
    page = foomedical.authorize()
    policy = page.headers["Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"form-action 'self' {REDIRECT_URI.removesuffix('/callback')} " in policy
    assert "unsafe" not in policy


def test_pages_use_nothing_that_the_policy_forbids(foomedical: Browser, acme: Browser) -> None:
    pages = (
        foomedical.authorize(),
        acme.authorize(),
        foomedical.sign_in("patient1@flexpa.com", "examplepatient"),
        foomedical.authorize(client_id="x"),
    )
    for page in pages:
        assert not re.search(r"<script|<img|<link|\sstyle=|\son[a-z]+=|https?://", page.text)
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert '<html lang="en">' in page.text


def test_approval_names_member_and_lasting_access_only_if_asked(foomedical: Browser, acme: Browser) -> None:
    lasting = foomedical.sign_in("patient2@flexpa.com", "examplepatient").text
    assert "José Ángel Peñalosa-Núñez" in lasting
    assert "until you end it" in lasting
    assert "until you end it" not in acme.sign_in("acme-1").text


@pytest.mark.parametrize("text", ["Continue", "Cancel", "Password", "E-mail address"])
def test_sign_in_page_says_what_it_wants(foomedical: Browser, text: str) -> None:
    assert text in foomedical.authorize().text
