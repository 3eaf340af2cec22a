"""The facts about a source that every transform of its resources reads.

Owns the value only; whoever syncs fills it. Source: documented contract, "Tags" and "Identifiers".
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.transforms import identifiers


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContext:
    """Where a resource comes from and for whom; `fhir_base` has no trailing slash, `tag_base` has one."""

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

    def new_id(self, resource_type: str, source_id: str) -> str:
        """Derive the id that a resource of this source has here."""
        return identifiers.new_id(
            patient_id=self.patient_id,
            source_patient_id=self.source_patient_id,
            resource_type=resource_type,
            source_id=source_id,
            endpoint_id=self.endpoint_id,
        )
