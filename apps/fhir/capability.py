"""What the FHIR API can do, said by itself: the CapabilityStatement of `/fhir/metadata`.

Owns its text, made from the table that searches run on; refuses settings and claims that the table does not bear.
Source: FHIR R4 "CapabilityStatement" and the documented sample of the Records API.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from . import definitions
from .codec import encode

# The day on which what is said here last changed.
DATE = "2026-11-21"
COMMON_PARAMETERS: dict[str, str] = {
    "_id": "token",
    "_lastUpdated": "date",
    "_profile": "uri",
    "_security": "token",
    "_source": "uri",
    "_tag": "token",
}
SECURITY = (
    "Every request but this one needs a patient access token: Authorization: Bearer <access token>. "
    "Everything is limited to the patient who gave the consent behind it."
)


@cache
def capability_statement(*, base_url: str, brand: str) -> bytes:
    """Return the statement as JSON; `base_url` is that of the FHIR API and has no slash at its end."""
    kinds = definitions.resource_types()
    reverse = _reverse_includes()
    statement: dict[str, Any] = {
        "resourceType": "CapabilityStatement",
        "url": f"{base_url}/metadata",
        "title": f"{brand} Capability Statement",
        "status": "active",
        "date": DATE,
        "publisher": brand,
        "kind": "instance",
        "implementation": {"description": brand, "url": base_url},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "security": {"service": [_oauth()], "description": SECURITY},
                "resource": [_resource(each, reverse[each], base_url=base_url) for each in kinds],
            }
        ],
    }
    return encode(statement)


def _oauth() -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/restful-security-service"
    return {"coding": [{"system": system, "code": "OAuth", "display": "OAuth"}]}


def _resource(resource_type: str, reverse_includes: list[str], *, base_url: str) -> dict[str, Any]:
    parameters = definitions.search_parameters(resource_type)
    references = [f"{resource_type}:{code}" for code, each in parameters.items() if each.kind == "reference"]
    resource: dict[str, Any] = {
        "type": resource_type,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "conditionalRead": "full-support",
        "searchInclude": ["*", *references],
        "searchRevInclude": reverse_includes,
        "searchParam": [
            *(
                _parameter(code, f"http://hl7.org/fhir/SearchParameter/Resource-{code[1:]}", kind)
                for code, kind in COMMON_PARAMETERS.items()
            ),
            *(_parameter(code, each.url, each.kind) for code, each in parameters.items()),
        ],
    }
    if resource_type == "Patient":
        resource["operation"] = [
            {"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"},
            # R4 defines no such operation: the name is ours, and nothing is served there.
            {"name": "expunge", "definition": f"{base_url}/OperationDefinition/Patient-expunge"},
        ]
    return resource


def _parameter(name: str, definition: str, kind: str) -> dict[str, str]:
    return {"name": name, "definition": definition, "type": kind}


def _reverse_includes() -> dict[str, list[str]]:
    """Return by type what may refer to it."""
    found: dict[str, list[str]] = {each: [] for each in definitions.resource_types()}
    for resource_type in found:
        for code, parameter in definitions.search_parameters(resource_type).items():
            for target in parameter.targets:
                found[target].append(f"{resource_type}:{code}")
    return found
