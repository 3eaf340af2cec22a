"""The parts of a composite parameter: each component's values within one root element.

Owns their reading; refuses to say which belong together: that is the root's affair. Source: FHIR R4 3.1.1.4.15.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from apps.fhir.definitions import Component, Step

from . import readers, values

_ZERO = Decimal(0)


def read_parts(element: Any, component: Component, *, base_url: str) -> Iterator[tuple[str, int, Decimal, Decimal]]:
    """Yield (code, system, low, high), as entries.Part has them."""
    for path in component.paths:
        for each in _elements_at(element, path.steps):
            match component.kind:
                case "token":
                    for code, system in readers.read_tokens(each, path.type):
                        yield values.code_key(code), values.system_key(system or path.system), _ZERO, _ZERO
                case "string":
                    for text in readers.read_texts(each, path.type):
                        yield values.normalise(text), 0, _ZERO, _ZERO
                case "date":
                    for span in readers.read_dates(each, path.type):
                        yield "", 0, Decimal(span.low), Decimal(span.high)
                case "quantity" | "number":
                    for low, high, unit, of in readers.read_quantities(each, path.type):
                        yield values.key(unit), values.system_key(of), low, high
                case "reference":
                    for target, kind in readers.read_links(each, path.type, base_url=base_url):
                        yield target, values.system_key(kind), _ZERO, _ZERO
                case "uri":
                    for uri in readers.read_uris(each):
                        yield values.uri_key(uri), 0, _ZERO, _ZERO


def _elements_at(element: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    if not steps:
        yield element
        return
    found = element.get(steps[0].key) if isinstance(element, dict) else None
    for each in found if isinstance(found, list) else (found,):
        if each is not None and (steps[0].filter is None or holds(each, steps[0].filter)):
            yield from _elements_at(each, steps[1:])


def holds(element: Any, condition: tuple[str, str]) -> bool:
    """Whether a step's filter lets the element pass."""
    return isinstance(element, dict) and element.get(condition[0]) == condition[1]
