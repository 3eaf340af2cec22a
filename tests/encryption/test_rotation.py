"""Re-sealing stored values: a real table, an old key, a new key."""

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test import override_settings
from django.test.utils import CaptureQueriesContext, isolate_apps

from apps.encryption import rotation
from apps.encryption.envelope import Keyring
from apps.encryption.fields import SealedField, keyring
from apps.encryption.rotation import ResealCount, reseal_all

pytestmark = pytest.mark.django_db

OLD = "old-key-" + "o1d2" * 8
NEW = "new-key-" + "n3w4" * 8
LOST = "lost-key" + "l0st" * 8

with isolate_apps("apps.encryption"):

    class Safe(models.Model):
        name = models.CharField(max_length=20)
        secret = SealedField(purpose="encryption_safe.secret")
        spare = SealedField(purpose="encryption_safe.spare", null=True)

        class Meta:
            app_label = "encryption"

        def __str__(self) -> str:
            return self.name

    class SafeView(Safe):
        class Meta:
            proxy = True
            app_label = "encryption"

    class Plain(models.Model):
        class Meta:
            app_label = "encryption"

        def __str__(self) -> str:
            return "plain"


@pytest.fixture(autouse=True)
def table(db: None) -> Iterator[None]:
    with connection.schema_editor() as editor:
        editor.create_model(Safe)
    yield
    keyring.cache_clear()


def use(*keys: str) -> override_settings:
    keyring.cache_clear()
    return override_settings(FIELD_ENCRYPTION_KEYS=list(keys))


def store(key: str, **values: str) -> Safe:
    with use(key):
        return Safe._base_manager.create(**values)


def test_old_values_come_under_the_newest_key_and_keep_their_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "CHUNK_ROWS", 3)
    for number in range(7):
        store(OLD, name=f"old {number}", secret=f"secret {number}")
    store(OLD, name="both", secret="first", spare="second")
    store(NEW, name="new", secret="newest")
    with use(NEW, OLD):
        assert reseal_all([Safe]) == [ResealCount("encryption_safe", resealed=9, current=1)]
        assert reseal_all([Safe]) == [ResealCount("encryption_safe", resealed=0, current=10)]
    with use(NEW):
        found = {each.name: each.secret.reveal() for each in Safe._base_manager.all()}
        spare = Safe._base_manager.get(name="both").spare
        assert spare is not None
        assert spare.reveal() == "second"
    assert found == {**{f"old {n}": f"secret {n}" for n in range(7)}, "both": "first", "new": "newest"}


def test_rows_that_are_current_are_not_written() -> None:
    store(NEW, name="new", secret="newest")
    with use(NEW, OLD), CaptureQueriesContext(connection) as queries:
        reseal_all([Safe])
    assert not [each["sql"] for each in queries if each["sql"].startswith("UPDATE")]
    assert [each["sql"] for each in queries if each["sql"].endswith("FOR UPDATE")]


def test_a_value_that_does_not_open_is_counted_and_left_as_it_is() -> None:
    lost = store(LOST, name="lost", secret="gone")
    store(OLD, name="old", secret="kept")
    with use(NEW, OLD):
        assert reseal_all([Safe]) == [ResealCount("encryption_safe", resealed=1, unreadable=1)]
        assert Safe._base_manager.get(name="lost").secret.sealed == lost.secret.sealed


def test_proxies_and_tables_without_sealed_fields_are_left_out() -> None:
    assert reseal_all([SafeView, Plain]) == []


def test_an_empty_table_counts_nothing() -> None:
    assert reseal_all([Safe]) == [ResealCount("encryption_safe")]


def test_rotate_keys_prints_counts_for_every_installed_table(monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.authorizations.models import SigningKey

    with use(OLD):
        SigningKey.objects.create(kid="k1", private_jwk="private", public_jwk={})
    said = StringIO()
    with use(NEW, OLD):
        call_command("rotate_keys", stdout=said)
        stored = SigningKey.objects.get(kid="k1").private_jwk
    assert "authorizations_signingkey: 1 re-sealed, 0 already current, 0 unreadable" in said.getvalue()
    assert "destinations_destinationsecret: 0 re-sealed" in said.getvalue()
    assert Keyring([NEW]).open(stored.sealed, purpose=stored.purpose) == b"private"


def test_rotate_keys_fails_when_a_key_is_missing() -> None:
    from apps.authorizations.models import SigningKey

    with use(LOST):
        SigningKey.objects.create(kid="k1", private_jwk="private", public_jwk={})
    with use(NEW, OLD), pytest.raises(CommandError, match="missing key"):
        call_command("rotate_keys", stdout=StringIO())
