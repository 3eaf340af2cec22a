"""System checks of FIELD_ENCRYPTION_KEYS."""

import random
import string

import pytest
from django.core.checks import run_checks
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from apps.encryption.checks import check_encryption_keys, looks_guessable

GOOD = "q7Zf1mWcR0u8YxTjv3hKpL9aNdGsEoB2"


def ids(keys: list[str]) -> list[str | None]:
    with override_settings(FIELD_ENCRYPTION_KEYS=keys):
        return [message.id for message in check_encryption_keys(None)]


@pytest.mark.parametrize("keys", [[], ["short"], [GOOD, "x" * 31], [GOOD, GOOD]])
def test_missing_short_or_repeated_keys_are_an_error(keys: list[str]) -> None:
    assert ids(keys) == ["encryption.E001"]


@pytest.mark.parametrize("weak", ["a" * 64, "changeme" * 8, "0123" * 16, "my-secret-" * 4, "1" * 31 + "2"])
def test_a_key_that_is_easy_to_guess_is_a_warning(weak: str) -> None:
    assert ids([GOOD, weak]) == ["encryption.W001"]


def test_messages_name_the_place_of_a_key_and_never_the_key() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[GOOD, "changeme" * 8]):
        (message,) = check_encryption_keys(None)
    assert "key 2" in message.msg
    assert "changeme" not in str(message)


@given(st.lists(st.sampled_from(string.ascii_letters + string.digits), min_size=32, unique=True))
def test_many_different_characters_are_no_warning(characters: list[str]) -> None:
    assert not looks_guessable("".join(characters))


def test_sixteen_random_bytes_in_hexadecimal_are_no_warning() -> None:
    for seed in range(2000):
        assert not looks_guessable(random.Random(seed).randbytes(16).hex())


def test_the_check_is_registered_and_the_installation_of_the_tests_passes_it() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[]):
        found = run_checks(tags=["security"])
    assert "encryption.E001" in {message.id for message in found}
