"""Definitions of a small standard: one type of resource, the Thing, and three datatypes."""

from __future__ import annotations

from typing import Any

from apps.fhir.definitions.structures import PRIMITIVE_TYPE

Element = dict[str, Any]


def element(path: str, *types: str, **more: Any) -> Element:
    return {"path": path, "min": 0, "type": [{"code": each} for each in types], **more}


def structure(*elements: Element, kind: str = "resource") -> Element:
    return {
        "resourceType": "StructureDefinition", "id": elements[0]["path"], "kind": kind, "abstract": False,
        "snapshot": {"element": list(elements)},
    }  # fmt: skip


STRING = {
    "code": "http://hl7.org/fhirpath/System.String",
    "extension": [{"url": "http://x.example"}, {"url": PRIMITIVE_TYPE, "valueUrl": "id"}],
}
CODING = structure(
    {"path": "Coding", "min": 0},
    {"path": "Coding.id", "min": 0, "type": [STRING]},
    {"path": "Coding.note", "min": 0, "type": [{"code": STRING["code"]}]},
    element("Coding.code", "code"),
    kind="complex-type",
)
NARROWED = {**structure(element("Coding"), element("Coding.more", "code")), "id": "Profile", "derivation": "constraint",
            "kind": "complex-type"}  # fmt: skip
PICTURE = structure(
    element("Attachment"),
    element("Attachment.id", "string"),
    element("Attachment.url", "url", isSummary=True),
    element("Attachment.data", "base64Binary"),
    kind="complex-type",
)
EXTENSION = structure(
    element("Extension"),
    element("Extension.extension", "Extension"),
    element("Extension.value[x]", "Coding", "string"),
    kind="complex-type",
)
THING = structure(
    element("Thing"),
    element("Thing.extension", "Extension"),
    element("Thing.status", "code", min=1, isModifier=True, isSummary=True,
            binding={"strength": "required", "valueSet": "http://v.example/states|4.0.1"}),
    element("Thing.mood", "code", binding={"strength": "example", "valueSet": "http://v.example/states"}),
    element("Thing.value[x]", "Reference", "string", "dateTime"),
    element("Thing.tag", "Coding"),
    element("Thing.dragon", "Coding"),
    element("Thing.telecom", "ContactPoint"),
    element("Thing.photo", "Attachment", isSummary=True),
    element("Thing.part", "BackboneElement"),
    element("Thing.part.modifierExtension", "Extension", isSummary=True),
    element("Thing.part.label", "string", isSummary=True),
    element("Thing.part.count", "integer", min=1),
    element("Thing.part.note", "string"),
    element("Thing.part.mood", "string"),
    {"path": "Thing.part.part", "min": 0, "contentReference": "#Thing.part"},
    element("Thing.quiet", "BackboneElement"),
    element("Thing.quiet.count", "integer", min=1),
)  # fmt: skip
