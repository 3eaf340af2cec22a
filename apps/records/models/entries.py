"""Search index of the current versions (D5): what apps.fhir.search reads out of a resource, one table for each kind.

No surrogate keys, no foreign keys: every row is its own key, written by COPY when a sequence closes, and gone with
its version. A row whose `resource_id` is 0 stands for all of its partition.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

EVERY_RESOURCE = 0


if TYPE_CHECKING:
    DecimalBase = models.Field[Decimal, Decimal]
else:
    DecimalBase = models.Field


class NumericField(DecimalBase):
    """`numeric` without a precision: any number as it is written, and infinity for an open end."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "numeric"


def _text() -> models.TextField[str, str]:
    return models.TextField(db_collation="C")


class _Entry(models.Model):
    partition = models.ForeignKey("records.Partition", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    parameter = models.IntegerField()
    resource_id = models.BigIntegerField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.parameter} of {self.resource_id}"


class CurrentResource(models.Model):
    """A version that is visible now; the narrow row that a search walks along."""

    pk = models.CompositePrimaryKey("partition_id", "type", "fhir_id")
    partition = models.ForeignKey("records.Partition", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    type = models.CharField(max_length=64, db_collation="C")
    fhir_id = models.CharField(max_length=64, db_collation="C")
    resource_id = models.BigIntegerField()
    changed = models.BigIntegerField()  # our instant of change, microseconds since 1970

    class Meta:
        indexes = [models.Index(fields=["partition", "type", "resource_id"], name="records_current_in_order")]

    def __str__(self) -> str:
        return f"{self.type}/{self.fhir_id}"


class TokenIndex(_Entry):
    pk = models.CompositePrimaryKey("partition_id", "parameter", "code", "system", "resource_id")
    code = _text()
    system = models.BigIntegerField()


class StringIndex(_Entry):
    pk = models.CompositePrimaryKey("partition_id", "parameter", "normal", "exact", "resource_id")
    normal = _text()
    exact = models.BigIntegerField()


class DateIndex(_Entry):
    pk = models.CompositePrimaryKey("partition_id", "parameter", "low", "high", "resource_id")
    low = models.BigIntegerField()
    high = models.BigIntegerField()


class ReferenceIndex(_Entry):
    pk = models.CompositePrimaryKey("partition_id", "parameter", "target", "target_type", "resource_id")
    target = _text()
    target_type = models.CharField(max_length=64, db_collation="C")


class QuantityIndex(_Entry):
    pk = models.CompositePrimaryKey("partition_id", "parameter", "low", "high", "code", "system", "resource_id")
    low = NumericField()
    high = NumericField()
    code = _text()
    system = models.BigIntegerField()


class UriIndex(_Entry):
    pk = models.CompositePrimaryKey("partition_id", "parameter", "uri", "resource_id")
    uri = _text()


class CompositeIndex(_Entry):
    pk = models.CompositePrimaryKey(
        "partition_id", "parameter", "component", "code", "system", "low", "high", "group", "resource_id"
    )
    component = models.SmallIntegerField()
    code = _text()
    system = models.BigIntegerField()
    low = NumericField()
    high = NumericField()
    group = models.IntegerField()
