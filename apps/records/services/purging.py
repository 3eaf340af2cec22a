"""Purge wins (rulings A7): lines go for good; superseded versions go after their retention."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from ..models import Partition, ReferenceTarget, StoredResource, UrnAlias
from .indexing import remove_entries


def purge_partition(*, authorization_id: UUID) -> int:
    """Delete every line and reference of an authorization; return how many versions there were."""
    partition = Partition.objects.filter(authorization=authorization_id).first()
    if partition is None:
        return 0
    for table in (ReferenceTarget, UrnAlias):
        table.objects.filter(partition=partition)._raw_delete("default")
    remove_entries(partition.pk)
    gone = StoredResource.objects.filter(partition=partition)._raw_delete("default")
    partition.delete()
    return gone


def prune_versions(*, before: dt.datetime, limit: int = 10_000) -> int:
    """Delete superseded versions that ended before `before`; return how many (at most `limit`)."""
    old = StoredResource.objects.filter(ended_at__lt=before).order_by("ended_at")
    ids = list(old.values_list("pk", flat=True)[:limit])
    return StoredResource.objects.filter(pk__in=ids)._raw_delete("default") if ids else 0
