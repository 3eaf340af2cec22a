"""Signed texts: only ours, only for their purpose, only in time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.sandbox.payer.signing import BadSignatureError, Signer

claims = st.dictionaries(st.sampled_from(["login", "plan", "n"]), st.text() | st.integers())


@given(claims, st.text())
def test_sealed_claims_open_with_the_same_seed(value: dict[str, object], seed: str) -> None:
    assert Signer(seed).open(Signer(seed).seal(value, purpose="page"), purpose="page", now=0) == value


@given(claims, st.data())
def test_any_other_character_breaks_it(value: dict[str, object], data: st.DataObject) -> None:
    text = Signer("x").seal(value, purpose="page")
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("aZ0-_.é").filter(lambda letter: letter != text[place]))
    with pytest.raises(BadSignatureError):
        Signer("x").open(text[:place] + other + text[place + 1 :], purpose="page", now=0)


def test_other_purpose_other_seed_or_late_is_refused() -> None:
    text = Signer("x").seal({"exp": 100}, purpose="code")
    assert Signer("x").open(text, purpose="code", now=100)
    for signer, purpose, now in (
        (Signer("x"), "access", 1),
        (Signer("y"), "code", 1),
        (Signer("x"), "code", 101),
    ):
        with pytest.raises(BadSignatureError):
            signer.open(text, purpose=purpose, now=now)


@given(st.text())
def test_any_text_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(BadSignatureError):
        Signer("x").open(text, purpose="page", now=0)
