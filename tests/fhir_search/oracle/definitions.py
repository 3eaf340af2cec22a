"""The search parameters as the reference matcher sees them: kind, targets, and the expression as it was published.

Of the product's table only the published text and the implied code systems are read; the product's own compiled paths
are not. What a composite is made of is written down here. Source: FHIR R4, "Search Parameter Registry"; 3.1.1.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from apps.fhir import definitions


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter; `systems` names the implied code system by the keys that lead to an element."""

    code: str
    kind: str
    expression: str
    targets: tuple[str, ...] = ()
    systems: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    components: tuple[Parameter, ...] = ()


_OF_EVERY_RESOURCE = {
    "_id": Parameter("_id", "id", "id"),
    "_lastUpdated": Parameter("_lastUpdated", "date", ""),
    "_tag": Parameter("_tag", "token", "meta.tag"),
    "_security": Parameter("_security", "token", "meta.security"),
    "_profile": Parameter("_profile", "reference", "meta.profile"),
    "_source": Parameter("_source", "uri", "meta.source"),
}

_COMPONENTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "code-value-concept": (("token", "code"), ("token", "value.as(CodeableConcept)")),
    "code-value-date": (("token", "code"), ("date", "value.as(dateTime) | value.as(Period)")),
    "code-value-quantity": (("token", "code"), ("quantity", "value.as(Quantity)")),
    "code-value-string": (("token", "code"), ("string", "value.as(string)")),
    "component-code-value-concept": (("token", "code"), ("token", "value.as(CodeableConcept)")),
    "component-code-value-quantity": (("token", "code"), ("quantity", "value.as(Quantity)")),
    "combo-code-value-concept": (("token", "code"), ("token", "value.as(CodeableConcept)")),
    "combo-code-value-quantity": (("token", "code"), ("quantity", "value.as(Quantity)")),
    "context-type-quantity": (("token", "code"), ("quantity", "value.as(Quantity) | value.as(Range)")),
    "context-type-value": (("token", "code"), ("token", "value.as(CodeableConcept)")),
    "characteristic-value": (("token", "code"), ("token", "value.as(CodeableConcept) | value.as(boolean)")),
    "chromosome-window-coordinate": (("token", "chromosome"), ("number", "windowStart"), ("number", "windowEnd")),
    "referenceseqid-window-coordinate": (
        ("token", "referenceSeqId"),
        ("number", "windowStart"),
        ("number", "windowEnd"),
    ),
    "relationship": (("token", "code"), ("reference", "target")),
}


@cache
def find_parameter(resource_type: str, code: str) -> Parameter | None:
    """Give the parameter of this name on this type, or None when the type has none."""
    if code in _OF_EVERY_RESOURCE:
        return _OF_EVERY_RESOURCE[code]
    published = definitions.search_parameters(resource_type).get(code)
    if published is None:
        return None
    if published.kind != "composite":
        systems = _systems(published.paths)
        return Parameter(code, published.kind, _whole_codings(published.expression), tuple(published.targets), systems)
    components = tuple(
        Parameter(f"{code} {number}", kind, expression, systems=_systems(component.paths))
        for number, ((kind, expression), component) in enumerate(
            zip(_COMPONENTS[code], published.components, strict=True), 1
        )
    )
    return Parameter(code, "composite", published.expression, components=components)


def reference_parameters(resource_type: str) -> list[Parameter]:
    found = (find_parameter(resource_type, code) for code in definitions.search_parameters(resource_type))
    return [parameter for parameter in found if parameter and parameter.kind == "reference"]


def _whole_codings(expression: str) -> str:
    """Stop at the Coding where an expression goes on to its code, or a search by system and code could never match."""
    if expression.endswith(".value.code"):
        return expression.removesuffix(".code") + ".as(Coding)"
    return expression.removesuffix(".code") if expression.endswith(".coding.code") else expression


def _systems(paths: Iterable[definitions.Path]) -> dict[tuple[str, ...], str]:
    return {tuple(step.key for step in path.steps): path.system for path in paths if path.system}
