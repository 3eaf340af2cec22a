"""What is kept of records: partitions, stored versions, and what the current ones are found by."""

from .entries import (
    CompositeIndex,
    CurrentResource,
    DateIndex,
    QuantityIndex,
    ReferenceIndex,
    StringIndex,
    TokenIndex,
    UriIndex,
)
from .resources import LONGEST_URN, Partition, ReferenceTarget, StoredResource, UrnAlias

__all__ = [
    "LONGEST_URN",
    "CompositeIndex",
    "CurrentResource",
    "DateIndex",
    "Partition",
    "QuantityIndex",
    "ReferenceIndex",
    "ReferenceTarget",
    "StoredResource",
    "StringIndex",
    "TokenIndex",
    "UriIndex",
    "UrnAlias",
]
