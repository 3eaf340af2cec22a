"""What this server can do, said once: the tables that search obeys and the documents that tell clients.

Owns the CapabilityStatement and the SMART configuration. Source: FHIR R4 CapabilityStatement; SMART App
Launch 2.2 "Conformance".
"""

from __future__ import annotations

import json

from apps.sandbox.payer.grants import OFFLINE_SCOPE
from apps.sandbox.payer.plans import Plan

COMPARTMENT_TYPES = (
    "AllergyIntolerance", "CarePlan", "CareTeam", "Claim", "Condition", "Coverage", "Device",
    "DiagnosticReport", "DocumentReference", "Encounter", "ExplanationOfBenefit", "Goal", "Immunization",
    "MedicationDispense", "MedicationRequest", "Observation", "Procedure", "Provenance",
    "QuestionnaireResponse", "RelatedPerson",
)  # fmt: skip
SUPPORT_TYPES = ("Location", "Medication", "Organization", "Practitioner", "PractitionerRole")

# Search parameters of each type; a type that is not here cannot be searched.
SEARCH_PARAMETERS: dict[str, tuple[str, ...]] = {
    "Patient": ("_id",),
    **dict.fromkeys(COMPARTMENT_TYPES, ("_id", "patient")),
    **dict.fromkeys(SUPPORT_TYPES, ("_id",)),
}
READABLE_TYPES = (*SEARCH_PARAMETERS, "Binary")

SCOPES = ("launch/patient", "patient/*.read", OFFLINE_SCOPE)
_SEARCH_PARAMETER = "http://hl7.org/fhir/SearchParameter"
_KINDS = {"_id": ("token", "Resource-id"), "patient": ("reference", "")}


def capability_statement(plan: Plan, fhir_base: str, oauth_base: str) -> bytes:
    """Write the plan's CapabilityStatement."""
    oauth_uris = {
        "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
        "extension": [
            {"url": "authorize", "valueUri": f"{oauth_base}/authorize"},
            {"url": "token", "valueUri": f"{oauth_base}/token"},
        ],
    }
    smart = {
        "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
        "code": "SMART-on-FHIR",
    }
    statement = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-07-01",
        "publisher": plan.display,
        "kind": "instance",
        "software": {"name": "Record Relay sandbox payer"},
        "implementation": {"description": f"{plan.display}, synthetic members only", "url": fhir_base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "security": {"extension": [oauth_uris], "service": [{"coding": [smart]}]},
                "resource": [_resource(type_) for type_ in sorted(READABLE_TYPES)],
            }
        ],
    }
    return json.dumps(statement).encode()


def smart_configuration(plan: Plan, oauth_base: str) -> bytes:
    """Write the plan's SMART configuration."""
    grants = ["authorization_code"] + ["refresh_token"] * plan.is_refreshable
    offline = ["permission-offline"] * plan.is_refreshable
    scopes = [scope for scope in SCOPES if plan.is_refreshable or scope != OFFLINE_SCOPE]
    return json.dumps(
        {
            "authorization_endpoint": f"{oauth_base}/authorize",
            "token_endpoint": f"{oauth_base}/token",
            "token_endpoint_auth_methods_supported": ["none"],
            "grant_types_supported": grants,
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": scopes,
            "capabilities": [
                "launch-standalone",
                "client-public",
                "context-standalone-patient",
                "permission-patient",
                "permission-v1",
                *offline,
            ],
        }
    ).encode()


def _resource(type_: str) -> dict[str, object]:
    names = SEARCH_PARAMETERS.get(type_, ())
    interactions = ["read"] + ["search-type"] * bool(names)
    resource: dict[str, object] = {"type": type_, "interaction": [{"code": code} for code in interactions]}
    if names:
        resource["searchParam"] = [_search_parameter(type_, name) for name in names]
    if type_ == "Patient":
        definition = "http://hl7.org/fhir/OperationDefinition/Patient-everything"
        resource["operation"] = [{"name": "everything", "definition": definition}]
    return resource


def _search_parameter(type_: str, name: str) -> dict[str, str]:
    kind, definition = _KINDS[name]
    return {
        "name": name,
        "definition": f"{_SEARCH_PARAMETER}/{definition or f'{type_}-{name}'}",
        "type": kind,
    }
