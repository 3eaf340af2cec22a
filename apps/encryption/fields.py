"""A model field whose value is sealed at rest and hidden until somebody asks for it by name."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models

from .envelope import Keyring


@lru_cache(maxsize=1)
def keyring() -> Keyring:
    return Keyring(settings.FIELD_ENCRYPTION_KEYS)


class SealedText:
    """A secret as a row holds it: sealed. No template, log or repr can show it; `reveal` opens it."""

    __slots__ = ("_purpose", "sealed")

    def __init__(self, sealed: bytes, purpose: str) -> None:
        self.sealed = sealed
        self._purpose = purpose

    def reveal(self) -> str:
        """Raises: EnvelopeError."""
        return keyring().open(self.sealed, purpose=self._purpose).decode()

    def __str__(self) -> str:
        return "•••"

    __repr__ = __str__


class SealedField(models.BinaryField):  # type: ignore[type-arg]
    """Assign text, get `SealedText` back. `purpose` is "table.column": a value moved elsewhere does not open."""

    def __init__(self, *args: Any, purpose: str, **kwargs: Any) -> None:
        self.purpose = purpose
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "purpose": self.purpose}

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> SealedText | None:
        return None if value is None else SealedText(bytes(value), self.purpose)

    def get_prep_value(self, value: Any) -> bytes | None:
        if value is None:
            return None
        if isinstance(value, SealedText):
            return value.sealed
        return keyring().seal(value.encode(), purpose=self.purpose)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        sealed = value if prepared else self.get_prep_value(value)
        return None if sealed is None else connection.Database.Binary(sealed)

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError(f"{self.name} is sealed and cannot be searched.")
        return super().get_lookup(lookup_name)

    def value_to_string(self, obj: Any) -> str:
        raise FieldError(f"{self.name} is sealed and cannot be serialised.")
