"""Placeholders for elements that applications rely on and that a source left out.

Owns the documented defaults; refuses to change anything that is there.
Source: documented contract, "Fallbacks".
"""

from __future__ import annotations

from typing import Any

UNDEFINED = "Undefined by source"


def _fallbacks(resource_type: str) -> dict[str, Any]:
    """Shape: element -> default, made anew for each resource."""
    undefined = {"display": UNDEFINED}
    match resource_type:
        case "ExplanationOfBenefit":
            return {
                "provider": undefined,
                "insurer": undefined,
                "insurance": [{"focal": True, "coverage": undefined}],
            }
        case "Coverage":
            return {"payor": [undefined]}
        case "Claim":
            # A CodeableConcept has no display of its own; a bare one would be refused by FHIR stores.
            return {"provider": undefined, "priority": {"coding": [undefined]}}
        case _:
            return {}


def fill_missing(resource: dict[str, Any]) -> None:
    """Add the defaults of the resource's type for elements that are absent or empty, in place."""
    for element, default in _fallbacks(resource["resourceType"]).items():
        if not resource.get(element):
            resource[element] = default
