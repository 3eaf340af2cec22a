"""A model field whose value is sealed from the moment it is assigned.

Owns `SealedField` and `SealedText`. A secret is plain only between `reveal()` and its use: loading, listing,
printing or pickling a row never decrypts. Refuses every look-up but `isnull`: equal texts have unequal seals.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.expressions import Combinable
from django.db.models.lookups import Lookup
from django.db.models.query_utils import DeferredAttribute

from apps.encryption.envelope import EnvelopeError, Keyring

HIDDEN = "•••"

_ST = TypeVar("_ST")
_GT = TypeVar("_GT")
if TYPE_CHECKING:

    class _BinaryField(models.BinaryField[_ST, _GT]):
        pass

else:
    # Fields are generic for type checkers only (django-stubs), not while running.
    class _BinaryField(models.BinaryField):
        __class_getitem__ = classmethod(lambda cls, _: cls)


_PURPOSE = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")


@lru_cache(maxsize=1)
def keyring() -> Keyring:
    """Return the installation's keys, read once. Raises: ValueError as `Keyring` does."""
    return Keyring(settings.FIELD_ENCRYPTION_KEYS)


@dataclass(frozen=True, slots=True, repr=False)
class SealedText:
    """A text that only `reveal` shows; every other way to print it gives dots."""

    sealed: bytes
    purpose: str

    @classmethod
    def of(cls, text: str, *, purpose: str) -> SealedText:
        plain = text.encode("utf-8", "surrogatepass")
        return cls(sealed=keyring().seal(plain, purpose=purpose), purpose=purpose)

    def reveal(self) -> str:
        """Decrypt. Raises: EnvelopeError."""
        return keyring().open(self.sealed, purpose=self.purpose).decode("utf-8", "surrogatepass")

    def resealed(self) -> SealedText:
        """Return the same text under the newest key; itself if it is already. Raises: EnvelopeError."""
        if not keyring().needs_reseal(self.sealed):
            return self
        return SealedText.of(self.reveal(), purpose=self.purpose)

    def __str__(self) -> str:
        return HIDDEN

    def __repr__(self) -> str:
        return HIDDEN


class SealingAttribute(DeferredAttribute):
    """Seals a text when it is assigned, so that no model instance holds it plain."""

    field: SealedField[Any, Any]

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = self.field.to_sealed(value)


class SealedField(_BinaryField[_ST, _GT]):
    """A secret text; `purpose` ("table.column") is part of its encryption and must never change."""

    _pyi_private_set_type: str | SealedText | Combinable
    _pyi_private_get_type: SealedText  # type: ignore[assignment]

    description = "Sealed text"
    descriptor_class = SealingAttribute
    # A secret that was forgotten is missing, not empty.
    empty_strings_allowed = False

    def __init__(self, *args: Any, purpose: str, **kwargs: Any) -> None:
        if not _PURPOSE.fullmatch(purpose):
            raise ValueError("The purpose of a SealedField is written table.column.")
        self.purpose = purpose
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "purpose": self.purpose}

    def to_sealed(self, value: Any) -> Any:
        """Seal a text; leave None, sealed texts and SQL expressions. Raises: TypeError, EnvelopeError."""
        if isinstance(value, str):
            return SealedText.of(value, purpose=self.purpose)
        if isinstance(value, SealedText) and value.purpose != self.purpose:
            raise EnvelopeError("This text was sealed for another field; reveal it first.")
        if value is None or isinstance(value, SealedText) or hasattr(value, "resolve_expression"):
            return value
        raise TypeError("A SealedField takes text.")

    def from_db_value(self, value: Any, *_: Any) -> SealedText | None:
        return None if value is None else SealedText(sealed=bytes(value), purpose=self.purpose)

    def get_prep_value(self, value: Any) -> Any:
        sealed = self.to_sealed(super().get_prep_value(value))
        return sealed.sealed if isinstance(sealed, SealedText) else sealed

    def to_python(self, value: Any) -> Any:
        """Read what `dumpdata` wrote: the sealed bytes in base64."""
        if isinstance(value, str):
            return SealedText(sealed=base64.b64decode(value), purpose=self.purpose)
        return value

    def value_to_string(self, obj: models.Model) -> str:
        found = self.value_from_object(obj)
        return base64.b64encode(found.sealed).decode("ascii") if isinstance(found, SealedText) else ""

    def get_lookup(self, lookup_name: str) -> type[Lookup[Any]] | None:
        if lookup_name != "isnull":
            raise FieldError("A sealed field cannot be looked up by value, only by isnull.")
        return super().get_lookup(lookup_name)

    def get_transform(self, lookup_name: str) -> Any:
        raise FieldError("A sealed field cannot be looked up by value, only by isnull.")
