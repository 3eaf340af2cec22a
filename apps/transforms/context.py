"""The facts about a source that every transform of its resources reads.

Owns the value only; whoever syncs fills it. Source: documented contract, "Tags" and "Identifiers".
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from hashlib import sha256
from uuid import UUID

from apps.transforms import identifiers

# Raise it whenever the same source bytes would give another line: refreshes then transform everything anew.
PIPELINE_VERSION = 1


# Compared by identity: one is made per sync, and hashing eleven fields at each look-up costs more than the look-up.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceContext:
    """Where a resource comes from and for whom; `fhir_base` has no trailing slash, `tag_base` has one.

    `fingerprint` stands for all of it and for the pipeline's version: with the same source bytes, an equal
    fingerprint gives an equal line.
    """

    application_id: str
    mode: str
    endpoint_id: str
    endpoint_name: str
    fhir_base: str
    authorization_id: str
    consent_id: str
    authorization_type: str
    patient_id: UUID
    source_patient_id: str
    tag_base: str
    fingerprint: bytes = field(init=False)

    def __post_init__(self) -> None:
        told = [str(getattr(self, each.name)) for each in fields(self) if each.init]
        object.__setattr__(self, "fingerprint", sha256(repr([PIPELINE_VERSION, *told]).encode()).digest())

    def new_id(self, resource_type: str, source_id: str) -> str:
        """Derive the id that a resource of this source has here."""
        return identifiers.new_id(
            patient_id=self.patient_id,
            source_patient_id=self.source_patient_id,
            resource_type=resource_type,
            source_id=source_id,
            endpoint_id=self.endpoint_id,
        )
