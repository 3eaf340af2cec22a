"""The sealed field without a database: what a model instance holds, what is stored, what is shown."""

import logging
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import connection, models
from django.db.migrations.writer import MigrationWriter
from django.template import Context, Template
from django.test import override_settings
from django.test.utils import isolate_apps
from hypothesis import given
from hypothesis import strategies as st

from apps.encryption.envelope import EnvelopeError
from apps.encryption.fields import HIDDEN, SealedField, SealedText, keyring

OLD = "old-key-" + "o1d2" * 8
NEW = "new-key-" + "n3w4" * 8

with isolate_apps("apps.encryption"):

    class Vault(models.Model):
        secret = SealedField(purpose="encryption_vault.secret")
        spare = SealedField(purpose="encryption_vault.spare", null=True)

        class Meta:
            app_label = "encryption"

        def __str__(self) -> str:
            return "vault"


SECRET: Any = Vault._meta.get_field("secret")
SPARE: Any = Vault._meta.get_field("spare")


@pytest.fixture(autouse=True, scope="module")
def keys() -> Iterator[None]:
    with override_settings(FIELD_ENCRYPTION_KEYS=[NEW, OLD]):
        keyring.cache_clear()
        yield
    keyring.cache_clear()


@given(st.text())
def test_assigned_text_is_stored_sealed_and_comes_back(text: str) -> None:
    stored = SECRET.get_db_prep_save(Vault(secret=text).secret, connection)
    loaded = SECRET.from_db_value(memoryview(bytes(stored.obj if hasattr(stored, "obj") else stored)))
    assert loaded.reveal() == text
    assert keyring().open(loaded.sealed, purpose="encryption_vault.secret").decode() == text


def test_an_instance_never_holds_the_plain_text() -> None:
    vault = Vault(secret="hunter22")
    assert isinstance(vault.secret, SealedText)
    assert "hunter22" not in repr(vault.__dict__)
    assert b"hunter22" not in pickle.dumps(vault.secret)
    assert pickle.loads(pickle.dumps(vault.secret)).reveal() == "hunter22"


def test_templates_logs_and_formats_show_dots(caplog: pytest.LogCaptureFixture) -> None:
    vault = Vault(secret="hunter22")
    logging.getLogger("test").warning("secret %s %r", vault.secret, vault.secret)
    shown = [Template("{{ v.secret }}").render(Context({"v": vault})), f"{vault.secret}", caplog.messages[0]]
    assert shown == [HIDDEN, HIDDEN, f"secret {HIDDEN} {HIDDEN}"]


def test_null_stays_null_and_is_not_sealed() -> None:
    assert Vault(secret="x", spare=None).spare is None
    assert SECRET.get_prep_value(None) is None
    assert SECRET.from_db_value(None) is None


def test_a_secret_that_was_forgotten_is_missing_not_empty() -> None:
    assert Vault().secret is None


def test_empty_text_is_sealed_like_any_other() -> None:
    assert Vault(secret="").secret.reveal() == ""


def test_a_sealed_text_of_another_field_is_refused() -> None:
    vault = Vault(secret="hunter22")
    with pytest.raises(EnvelopeError, match="another field"):
        vault.spare = vault.secret


def test_bytes_stored_under_another_column_do_not_open() -> None:
    moved = SPARE.from_db_value(Vault(secret="hunter22").secret.sealed)
    with pytest.raises(EnvelopeError):
        moved.reveal()


@pytest.mark.parametrize("value", [b"raw", 5, ["text"]])
def test_what_is_not_text_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="takes text"):
        Vault(secret=value)
    with pytest.raises(TypeError, match="takes text"):
        SECRET.get_prep_value(value)


@pytest.mark.parametrize("lookup", ["secret", "secret__exact", "secret__regex", "secret__in", "secret__x__y"])
def test_every_lookup_by_value_is_refused(lookup: str) -> None:
    with pytest.raises(FieldError):
        Vault._base_manager.filter(**{lookup: "hunter22"})


def test_isnull_is_allowed() -> None:
    assert "IS NULL" in str(Vault._base_manager.filter(spare__isnull=True).query)


def test_migrations_can_write_the_field_and_read_it_back() -> None:
    written, imports = MigrationWriter.serialize(SPARE)
    assert written == "apps.encryption.fields.SealedField(null=True, purpose='encryption_vault.spare')"
    assert imports == {"import apps.encryption.fields"}
    copy: Any = SECRET.clone()
    assert (copy.purpose, copy.db_type(connection)) == (SECRET.purpose, "bytea")


@pytest.mark.parametrize("purpose", ["", "secret", "a.b.c", "Table.column", "table.col umn"])
def test_a_purpose_that_is_not_table_and_column_is_refused(purpose: str) -> None:
    with pytest.raises(ValueError, match=r"table\.column"):
        SealedField(purpose=purpose)


def test_dumped_value_is_sealed_and_loads_again() -> None:
    dumped = SECRET.value_to_string(Vault(secret="hunter22"))
    assert "hunter22" not in dumped
    assert SECRET.to_python(dumped).reveal() == "hunter22"


def test_resealed_text_keeps_its_value_and_changes_only_under_an_old_key() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[OLD]):
        keyring.cache_clear()
        old = SealedText.of("hunter22", purpose="encryption_vault.secret")
    keyring.cache_clear()
    new = old.resealed()
    assert new.reveal() == "hunter22"
    assert new.sealed[1:5] != old.sealed[1:5]
    assert new.resealed() is new
