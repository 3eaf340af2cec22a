"""New ids that anyone can recompute, and the source's id kept as an identifier.

Owns the uuid5 recipe (architecture D16, which never changes) and the cardinality of `identifier`; refuses
random ids. Source: documented contract, "Identifiers"; FHIR 4.0.1 StructureDefinitions.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

# Types whose `identifier` is 0..1: an existing one is kept.
SINGLE_IDENTIFIER_TYPES = frozenset(
    {
        "AdverseEvent", "Bundle", "Composition", "ConceptMap", "MedicinalProductIngredient",
        "QuestionnaireResponse", "SpecimenDefinition", "SubstanceSpecification", "TestReport", "TestScript",
    }
)  # fmt: skip
# Types without `identifier`: the source id stays visible in meta.source only.
NO_IDENTIFIER_TYPES = frozenset(
    {
        "AuditEvent", "Binary", "CapabilityStatement", "CompartmentDefinition", "GraphDefinition",
        "ImplementationGuide", "Linkage", "MedicationKnowledge", "MedicinalProductContraindication",
        "MedicinalProductIndication", "MedicinalProductInteraction", "MedicinalProductManufactured",
        "MedicinalProductUndesirableEffect", "MessageHeader", "NamingSystem", "OperationDefinition",
        "OperationOutcome", "Parameters", "Provenance", "SearchParameter", "Subscription",
        "SubstanceNucleicAcid", "SubstancePolymer", "SubstanceProtein", "SubstanceReferenceInformation",
        "SubstanceSourceMaterial", "TerminologyCapabilities", "VerificationResult",
    }
)  # fmt: skip


def destination_patient_id(
    *, namespace: UUID, application_id: str, mode: str, endpoint_id: str, source_patient_id: str
) -> UUID:
    """Derive the id under which a source's Patient is known to one application in one mode."""
    return uuid5(namespace, f"{application_id}/{mode}/{endpoint_id}/{source_patient_id}")


def new_id(*, patient_id: UUID, source_patient_id: str, resource_type: str, source_id: str, endpoint_id: str) -> str:
    """Derive a resource's id from its source id; the Patient itself has the destination patient id."""
    if resource_type == "Patient" and source_id == source_patient_id:
        return str(patient_id)
    return str(uuid5(patient_id, f"{resource_type}/{source_id}/{endpoint_id}"))


def keep_source_id(resource: dict[str, Any], *, resource_type: str, source_id: str, fhir_base: str) -> None:
    """Add the source id as an identifier, as far as the type's cardinality has room for it.

    Shape: {system: "<fhir base>/<Type>/SourceResourceId", value: "<source id>"}
    """
    if resource_type in NO_IDENTIFIER_TYPES:
        return
    kept = {"system": f"{fhir_base}/{resource_type}/SourceResourceId", "value": source_id}
    existing = resource.get("identifier")
    if resource_type in SINGLE_IDENTIFIER_TYPES:
        resource["identifier"] = existing or kept
    elif not existing:
        resource["identifier"] = [kept]
    elif isinstance(existing, list) and kept not in existing:
        existing.append(kept)
