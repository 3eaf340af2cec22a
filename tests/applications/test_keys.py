"""Keys: their text, their look-up, their end. Source: wire contract 2; architecture D10; rulings A11, B11."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from apps.applications.keys import SCOPES, KeyKind, Mode, new_key, parse_key
from apps.applications.models import ApiKey, ApiKeyDigest
from apps.applications.selectors import KeyRefused, check_api_key, check_client, find_api_key
from apps.applications.services import (
    KeyEnded,
    LiveAccessMissing,
    RollInProgress,
    end_api_key,
    issue_api_key,
    note_key_use,
    roll_api_key,
)
from apps.audit.events import SYSTEM
from apps.encryption.fields import keyring
from tests.flows.world import Team


@given(kind=st.sampled_from(KeyKind), mode=st.sampled_from(Mode))
def test_key_says_its_kind_and_mode_and_holds_32_random_bytes(kind: KeyKind, mode: Mode) -> None:
    value = new_key(kind, mode)
    letter = {"publishable": "pk", "secret": "sk", "management": "mk"}[kind]
    assert re.fullmatch(rf"{letter}_{mode}_[A-Za-z0-9_-]{{43}}", value)
    assert parse_key(value) == (kind, mode)
    assert new_key(kind, mode) != value


@given(st.text(max_size=60))
def test_other_text_is_no_key(value: str) -> None:
    assert parse_key(value) is None
    assert parse_key(f"sk_test_{value[:42]}") is None


def test_a_secret_key_may_manage_nothing() -> None:
    assert set(SCOPES[KeyKind.SECRET]) == {"link", "records:read"}
    assert set(SCOPES[KeyKind.PUBLISHABLE]) == {"link"}


@pytest.mark.django_db
def test_only_an_hmac_of_a_secret_is_kept(team: Team) -> None:
    issued = issue_api_key(application=team.application, mode=Mode.TEST, kind=KeyKind.SECRET, by=SYSTEM)
    row, digest = ApiKey.objects.get(pk=issued.api_key.pk), ApiKeyDigest.objects.get(pk=issued.api_key.pk)
    assert issued.value[16:-4] not in str(vars(row)) + str(vars(digest)) + str(row)
    assert (row.public_value, row.last_four) == ("", issued.value[-4:])
    assert len(bytes(digest.digest)) == 32
    assert find_api_key(issued.value, now=timezone.now()) == row


@pytest.mark.django_db
def test_keys_outlive_a_new_encryption_key_and_not_the_loss_of_the_old(team: Team, settings: Settings) -> None:
    old = list(settings.FIELD_ENCRYPTION_KEYS)
    try:
        settings.FIELD_ENCRYPTION_KEYS = ["n" * 40, *old]
        keyring.cache_clear()
        assert find_api_key(team.secret_key, now=timezone.now()) is not None
        settings.FIELD_ENCRYPTION_KEYS = ["n" * 40]
        keyring.cache_clear()
        assert find_api_key(team.secret_key, now=timezone.now()) is None
    finally:
        settings.FIELD_ENCRYPTION_KEYS = old
        keyring.cache_clear()


@pytest.mark.django_db
def test_keys_with_one_prefix_are_told_apart(team: Team) -> None:
    value = team.secret_key
    twin = issue_api_key(application=team.application, mode=Mode.TEST, kind=KeyKind.SECRET, by=SYSTEM)
    ApiKey.objects.filter(pk=twin.api_key.pk).update(prefix=value[:16])
    found = find_api_key(value, now=timezone.now())
    assert found is not None
    assert found != twin.api_key
    changed = value[:-1] + ("A" if value[-1] != "A" else "B")
    assert find_api_key(changed, now=timezone.now()) is None


@pytest.mark.django_db
def test_pair_needs_one_application_and_one_mode(team: Team, other_team: Team, live_keys: tuple[str, str]) -> None:
    now = timezone.now()

    def is_pair(public: str, secret: str) -> bool:
        try:
            keys = check_client(client_id=public, secret=secret, now=now)
        except KeyRefused:
            return False
        return [key.kind for key in keys] == ["publishable", "secret"]

    assert is_pair(team.publishable_key, team.secret_key)
    assert is_pair(*live_keys)
    assert not is_pair(team.publishable_key, other_team.secret_key)
    assert not is_pair(team.publishable_key, live_keys[1])
    assert not is_pair(live_keys[0], team.secret_key)
    assert not is_pair(team.secret_key, team.secret_key)
    assert not is_pair(team.publishable_key, team.publishable_key)
    with pytest.raises(KeyRefused, match="this is a secret key"):
        check_api_key(team.secret_key, needed=KeyKind.PUBLISHABLE, name="client_id", now=now)


@pytest.mark.django_db
def test_live_keys_need_live_access(team: Team) -> None:
    with pytest.raises(LiveAccessMissing):
        issue_api_key(application=team.application, mode=Mode.LIVE, kind=KeyKind.SECRET, by=SYSTEM)


@pytest.mark.django_db
def test_rolled_key_works_until_its_overlap_ends(team: Team) -> None:
    now = timezone.now()
    old = find_api_key(team.secret_key, now=now)
    assert old is not None
    new = roll_api_key(api_key=old, overlap_seconds=60, by=SYSTEM, now=now)
    for seconds, works in ((0, True), (59, True), (60, False)):
        at = now + dt.timedelta(seconds=seconds)
        assert (find_api_key(team.secret_key, now=at) is not None) == works
        assert find_api_key(new.value, now=at) == new.api_key
    with pytest.raises(RollInProgress):
        roll_api_key(api_key=old, overlap_seconds=60, by=SYSTEM, now=now)
    with pytest.raises(KeyEnded):
        roll_api_key(api_key=old, overlap_seconds=60, by=SYSTEM, now=now + dt.timedelta(seconds=61))


@pytest.mark.django_db
def test_ended_key_stays_ended_at_its_first_end(team: Team) -> None:
    now = timezone.now()
    key = find_api_key(team.secret_key, now=now)
    assert key is not None
    end_api_key(api_key=key, by=SYSTEM, now=now)
    end_api_key(api_key=key, by=SYSTEM, now=now + dt.timedelta(hours=1))
    key.refresh_from_db()
    assert key.expires_at == now
    assert find_api_key(team.secret_key, now=now) is None


@pytest.mark.django_db
def test_use_is_noted_once_a_minute(team: Team) -> None:
    now = timezone.now()
    key = find_api_key(team.secret_key, now=now)
    assert key is not None
    for seconds, ip, kept in ((0, "a", "a"), (59, "b", "a"), (61, "c", "c")):
        note_key_use(api_key=key, ip=ip, now=now + dt.timedelta(seconds=seconds))
        key.refresh_from_db()
        assert key.last_used_ip == kept
