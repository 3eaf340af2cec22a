"""Values to search for, made from what a store holds: as it is, a part of it, nearly it, in another writing.

Owns one strategy for every kind of parameter; knows no names of parameters.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from tests.fhir_search import chance as st
from tests.fhir_search import pools
from tests.fhir_search.oracle import numbers, texts, tokens
from tests.fhir_search.oracle.dates import PREFIXES
from tests.fhir_search.oracle.definitions import Parameter
from tests.fhir_search.oracle.expressions import Node, evaluate
from tests.fhir_search.oracle.querying import escape

_DATE = re.compile(r"\d{4}(-\d\d){0,2}(T.*)?")
_PREFIXES = st.sampled_from(("", "", *PREFIXES))
_TYPES = ("Patient", "Observation", "Organization", "Practitioner", "Encounter", "Condition")


@st.composite
def values(draw: st.Draw, parameter: Parameter, modifier: str, nodes: list[Node], base_url: str) -> str:
    """Make one value of a parameter, with its escapes, mostly one that one of these elements answers to."""
    from_the_store = draw(st.integers(0, 4)) > 0
    node = draw(st.sampled_from(nodes)) if nodes and from_the_store else None
    if modifier == "missing":
        return draw(st.sampled_from(("true", "false")))
    if parameter.kind == "composite":
        parts = [
            values(component, "", evaluate(component.expression, Node(node.value)) if node else [], base_url)
            for component in parameter.components
        ]
        return "$".join(draw(part) for part in parts)
    match parameter.kind:
        case "token":
            return draw(_tokens(parameter, modifier, node))
        case "reference" if modifier == "identifier":
            identifier = node.value.get("identifier") if node and isinstance(node.value, dict) else None
            return draw(_tokens(parameter, "", Node(identifier) if identifier else None))
        case "reference":
            return draw(_references(modifier, node, base_url))
        case "date":
            return draw(_dates(node))
        case "string":
            return draw(_strings(texts.parts(node) if node else [], modifier))
        case "uri":
            return draw(_uris(texts.parts(node) if node else [], modifier))
        case _:
            return draw(_numbers(parameter.kind, node))


@st.composite
def _tokens(draw: st.Draw, parameter: Parameter, modifier: str, node: Node | None) -> str:
    if modifier == "text":
        return draw(_strings(tokens.words(node) if node else [], ""))
    if modifier == "of-type":
        return draw(_of_type(node.value if node else {}))
    found = tokens.tokens(parameter, node) if node else []
    system, code = draw(st.sampled_from(found or [(draw(pools.systems), draw(pools.codes))]))
    code = draw(st.sampled_from((code, code, code.swapcase(), code + "x", code[:-1] or "x")))
    system = draw(st.sampled_from((system or "", system or "", "", pools.LOINC)))
    form = draw(st.sampled_from(("{code}", "{code}", "{system}|{code}", "{system}|{code}", "|{code}", "{system}|")))
    text = form.format(system=escape(system), code=escape(code))
    return text if text != "|" else escape(code)


@st.composite
def _of_type(draw: st.Draw, identifier: dict[str, Any]) -> str:
    coding = draw(st.sampled_from(identifier.get("type", {}).get("coding") or [{}]))
    parts = (
        coding.get("system") or draw(pools.systems),
        coding.get("code") or draw(pools.codes),
        identifier.get("value") or draw(pools.codes),
    )
    return "|".join(escape(part) for part in parts)


@st.composite
def _strings(draw: st.Draw, found: list[str], modifier: str) -> str:
    text = draw(st.sampled_from(found or pools.TEXTS))
    if modifier == "exact":
        return escape(draw(st.sampled_from((text, text, text.upper(), texts.normalise(text), text[:-1] or text))))
    start = draw(st.integers(0, len(text) - 1)) if modifier == "contains" else draw(st.sampled_from((0, 0, 0, 1)))
    piece = text[start : draw(st.integers(start + 1, max(len(text), start + 1)))] or text
    piece = draw(st.sampled_from((piece, piece.upper(), piece.lower(), texts.normalise(piece))))
    return escape(piece if texts.normalise(piece).strip() else text)


@st.composite
def _dates(draw: st.Draw, node: Node | None) -> str:
    found = [text for text in _leaves(node.value if node else None) if _DATE.fullmatch(text)]
    pooled = (*pools.DATES, *pools.INSTANTS)
    text = draw(st.sampled_from(draw(st.sampled_from((found or pooled, found or pooled, pooled)))))
    zone = text[-6:] if text[-6:-5] in ("+", "-") and "T" in text else "Z"
    minute = text[:16] + zone if "T" in text else text
    text = draw(st.sampled_from((text, text, text[:10], text[:7], text[:4], minute, text[:16])))
    return draw(_PREFIXES) + text


@st.composite
def _numbers(draw: st.Draw, kind: str, node: Node | None) -> str:
    ends = [end for found in (numbers.ranges(node) if node else []) for end in found if end.is_finite()]
    number = draw(st.sampled_from(ends or pools.NUMBERS))
    plain = f"{number:f}"
    writings = (
        plain,
        plain,
        plain,
        plain,
        f"{number:.0f}",
        f"{number:.1f}",
        f"{number:.3f}",
        f"{number:.0e}".replace("e+", "e"),
    )
    near = f"{number + draw(st.sampled_from((Decimal(-5), Decimal('0.005'), Decimal('0.5'))))}"
    text = draw(_PREFIXES) + draw(st.sampled_from((*writings, near)))
    if kind == "number":
        return text
    value = node.value if node and isinstance(node.value, dict) else {}
    code = value.get("code") or value.get("currency") or value.get("unit") or draw(pools.units)
    system = value.get("system") or (numbers.CURRENCIES if "currency" in value else pools.UCUM)
    unit = draw(st.sampled_from(("", "", "", f"||{code}", f"|{system}|{code}", f"||{code.swapcase()}")))
    return text + unit


@st.composite
def _references(draw: st.Draw, modifier: str, node: Node | None, base_url: str) -> str:
    if node and isinstance(node.value, str):
        bare = node.value.split("|")[0]
        # The bar of a canonical is its own, no separator of ours.
        return draw(st.sampled_from((node.value, bare, bare + "|1.0", bare + "x")))
    text = node.value.get("reference", "") if node else ""
    named = re.search(r"([A-Z][A-Za-z]+)/([^/]+)(?:/_history/.*)?$", text)
    pooled = draw(st.sampled_from(_TYPES)), pools.known_id(draw(st.sampled_from(pools.LETTERS)))
    target_type, target_id = (named[1], named[2]) if named else pooled
    if modifier:
        return draw(st.sampled_from((target_id, target_id, f"{modifier}/{target_id}")))
    local = f"{target_type}/{target_id}"
    forms = (local, local, target_id, f"{base_url}/{local}", f"{local}/_history/7", text or local, text or local)
    form = draw(st.sampled_from(forms))
    return escape(form if not form.startswith("#") else local)


@st.composite
def _uris(draw: st.Draw, found: list[str], modifier: str) -> str:
    text = draw(st.sampled_from(found or pools.URIS))
    if modifier == "below":
        return escape(text[: draw(st.integers(8, len(text)))])
    return escape(draw(st.sampled_from((text, text, text + "/more") if modifier else (text, text, text[:-1]))))


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _leaves(each)]
    if isinstance(value, list):
        return [text for each in value for text in _leaves(each)]
    return [value] if isinstance(value, str) else []
