"""Sealing stored values anew after a key was put first in FIELD_ENCRYPTION_KEYS.

Owns the walk over every SealedField, a locked chunk a transaction, so that the product can go on working.
Refuses to stop at a value that does not open: it is counted and left as it is. A value that was read before
and is written back during the walk keeps its old key: an old key may go only after a run that found none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction

from apps.encryption.envelope import EnvelopeError
from apps.encryption.fields import SealedField, SealedText

CHUNK_ROWS = 200


@dataclass(slots=True)
class ResealCount:
    """What happened to the sealed values of one table."""

    table: str
    resealed: int = 0
    current: int = 0
    unreadable: int = 0


def reseal_all(models: Iterable[type[models.Model]]) -> list[ResealCount]:
    """Seal every value of these models that an old key sealed under the newest; one count a table."""
    return [_reseal_table(model, names) for model in models if (names := _sealed_names(model))]


def _sealed_names(model: type[models.Model]) -> list[str]:
    if not model._meta.managed:
        return []
    return [field.attname for field in model._meta.local_fields if isinstance(field, SealedField)]


def _reseal_table(model: type[models.Model], names: list[str]) -> ResealCount:
    count = ResealCount(model._meta.db_table)
    last = None
    while True:
        with transaction.atomic():
            rows = model._base_manager.select_for_update().order_by("pk").values_list("pk", *names)
            chunk = list((rows if last is None else rows.filter(pk__gt=last))[:CHUNK_ROWS])
            for pk, *values in chunk:
                changed = _reseal_row(dict(zip(names, values, strict=True)), count)
                if changed:
                    model._base_manager.filter(pk=pk).update(**changed)
        if len(chunk) < CHUNK_ROWS:
            return count
        last = chunk[-1][0]


def _reseal_row(values: dict[str, Any], count: ResealCount) -> dict[str, SealedText]:
    changed: dict[str, SealedText] = {}
    for name, value in values.items():
        if value is None:
            continue
        try:
            resealed = value.resealed()
        except EnvelopeError:
            count.unreadable += 1
            continue
        if resealed is value:
            count.current += 1
        else:
            count.resealed += 1
            changed[name] = resealed
    return changed
