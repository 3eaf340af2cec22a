"""Random queries over a random store: every kind, every modifier and prefix that is legal for it, chains, includes.

Owns the text of a query; what to search for is made in `values`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from urllib.parse import quote

from apps.fhir import definitions
from tests.fhir_search import chance as st
from tests.fhir_search import pools
from tests.fhir_search.oracle import Stored
from tests.fhir_search.oracle.definitions import Parameter, find_parameter
from tests.fhir_search.oracle.expressions import Node
from tests.fhir_search.oracle.matching import MODIFIERS, nodes_of
from tests.fhir_search.oracle.references import local_targets
from tests.fhir_search.oracle.stored import World
from tests.fhir_search.values import values

Pair = tuple[str, str]


@dataclass(frozen=True)
class Sight:
    """What can be searched for in a store."""

    world: World

    @cached_property
    def types(self) -> list[str]:
        return sorted({stored.type for stored in self.world.stores})

    @cached_property
    def parameters(self) -> dict[str, list[tuple[Parameter, list[Node]]]]:
        """Every type's parameters that find something in this store, with what they find."""
        return {resource_type: self._of_type(resource_type) for resource_type in self.types}

    @cached_property
    def arrows(self) -> list[tuple[str, str, str]]:
        """(source type, reference parameter, target type) of every reference of the store that leads somewhere."""
        return sorted(
            (source.type, parameter.code, local[0])
            for source, parameter, local in (
                (source, parameter, local)
                for source in self.world.stores
                for parameter, _nodes in self.parameters[source.type]
                if parameter.kind == "reference" and not parameter.code.startswith("_")
                for local in local_targets(parameter, source, self.world)
            )
            if local[0] in parameter.targets and self.world.find(*local)
        )

    def _of_type(self, resource_type: str) -> list[tuple[Parameter, list[Node]]]:
        rows = [stored for stored in self.world.stores if stored.type == resource_type]
        codes = [*definitions.search_parameters(resource_type), "_tag", "_security", "_profile", "_source"]
        parameters = [parameter for code in codes if (parameter := find_parameter(resource_type, code))]
        found = [(parameter, _found(parameter, rows)) for parameter in parameters]
        return [(parameter, nodes) for parameter, nodes in found if nodes]


@st.composite
def queries(draw: st.Draw, sight: Sight, *, resource_type: str = "") -> tuple[str, str]:
    """Make one search: the type, and the query of a URL."""
    resource_type = resource_type or draw(st.sampled_from([stored.type for stored in sight.world.stores]))
    if sight.arrows and draw(st.integers(0, 5)) == 0:
        pairs = draw(_journeys(sight, resource_type))
        pairs += [draw(plain_filters(sight, resource_type)) for _ in range(draw(st.sampled_from((0, 0, 1))))]
    else:
        pairs = [draw(filters(sight, resource_type)) for _ in range(draw(st.sampled_from((1, 1, 1, 1, 2, 2))))]
    pairs += [draw(_answers(sight, resource_type)) for _ in range(draw(st.sampled_from((0, 1))))]
    return resource_type, draw(written(draw(st.permutations(pairs))))


@st.composite
def filters(draw: st.Draw, sight: Sight, resource_type: str) -> Pair:
    """Make one pair that narrows a search."""
    forms = [plain_filters(sight, resource_type)] * 6 + [_of_every_resource(sight, resource_type)]
    outward = [arrow for arrow in sight.arrows if arrow[0] == resource_type]
    inward = [arrow for arrow in sight.arrows if arrow[2] == resource_type]
    if outward:
        forms += [_chains(sight, resource_type, 1)] * 2
    if inward:
        forms += [_reverse_chains(sight, resource_type, 1)] * 2
    return draw(draw(st.sampled_from(forms)))


@st.composite
def plain_filters(
    draw: st.Draw, sight: Sight, resource_type: str, *, kinds: Sequence[str] = tuple(MODIFIERS), modified: bool = True
) -> Pair:
    """Make one pair of a parameter of the type itself, with one to three values joined by commas."""
    known = [each for each in sight.parameters[resource_type] if each[0].kind in kinds]
    if not known:
        return "_tag", pools.LOINC + "|"
    # A kind first: most parameters are tokens and references, many rules are about dates and numbers.
    seen = sorted({parameter.kind for parameter, _nodes in known})
    kind = draw(st.sampled_from([*seen, *(kind for kind in seen if kind not in ("composite", "string", "uri"))]))
    parameter, nodes = draw(st.sampled_from([each for each in known if each[0].kind == kind]))
    modifier = draw(st.sampled_from(_modifiers(parameter, nodes))) if modified else ""
    several = 1 if modifier == "missing" else draw(st.sampled_from((1, 1, 1, 2, 3)))
    found = [draw(values(parameter, modifier, nodes, sight.world.base_url)) for _ in range(several)]
    return parameter.code + (f":{modifier}" if modifier else ""), ",".join(found)


@st.composite
def written(draw: st.Draw, pairs: list[Pair]) -> str:
    """Write pairs as a query; which letters are escaped makes no difference, a plus in a date neither."""
    return "&".join(
        f"{quote(name, safe=':')}={quote(value, safe=draw(st.sampled_from(('', ':/', ':/,|$', ':/,|$+'))))}"
        for name, value in pairs
    )


def _found(parameter: Parameter, rows: list[Stored]) -> list[Node]:
    """List the elements to make values from; those that do not count for the parameter are among them."""
    return [node for stored in rows for node in nodes_of(of_any_type(parameter), stored)]


def of_any_type(parameter: Parameter) -> Parameter:
    """Give the same parameter for references to every type."""
    return replace(parameter, expression=re.sub(r"\.where\(resolve\(\) is \w+\)", "", parameter.expression))


def _modifiers(parameter: Parameter, nodes: list[Node]) -> list[str]:
    """List the modifiers to try; none is as likely as all others together."""
    legal = list(MODIFIERS[parameter.kind])
    if parameter.kind == "token" and not any(isinstance(n.value, dict) and "type" in n.value for n in nodes):
        legal.remove("of-type")
    if parameter.kind == "reference":
        if parameter.code == "_profile" or any(isinstance(node.value, str) for node in nodes):
            legal = ["missing"]
        elif "resolve()" in parameter.expression:
            # An identifier does not say which type it identifies: left open by the standard.
            legal = ["missing", parameter.targets[0]]
        else:
            legal += [target for target in ("Patient", "Organization", "Observation") if target in parameter.targets]
    if parameter.code.startswith("_"):
        legal = [modifier for modifier in legal if modifier == "not"]
    return ["", *legal] if not legal else [*[""] * len(legal), *legal]


@st.composite
def _of_every_resource(draw: st.Draw, sight: Sight, resource_type: str) -> Pair:
    rows = [stored for stored in sight.world.stores if stored.type == resource_type]
    if draw(st.booleans()):
        ids = draw(st.subsets([*(row.id for row in rows), pools.known_id("1")], least=1, most=3))
        return "_id", ",".join(ids)
    changed: datetime = draw(st.sampled_from(rows)).changed if rows else sight.world.now
    text = changed.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    text = draw(st.sampled_from((text, text[:19] + "Z", text[:16] + "Z", text[:23] + "Z", text[:10], text[:7])))
    prefix = draw(st.sampled_from(("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")))
    return "_lastUpdated", prefix + text


@st.composite
def _chains(draw: st.Draw, sight: Sight, resource_type: str, link: int) -> Pair:
    _source, code, target = draw(st.sampled_from([arrow for arrow in sight.arrows if arrow[0] == resource_type]))
    name, value = draw(_rest(sight, target, link))
    targets = find_parameter(resource_type, code).targets  # type: ignore[union-attr]
    typed = len(targets) > 1 and (len(targets) > 5 or draw(st.booleans()))
    typed = typed or any(_kind(other, name) != _kind(target, name) for other in targets)
    return f"{code}{':' + target if typed else ''}.{name}", value


@st.composite
def _reverse_chains(draw: st.Draw, sight: Sight, resource_type: str, link: int) -> Pair:
    source, code, _target = draw(st.sampled_from([arrow for arrow in sight.arrows if arrow[2] == resource_type]))
    name, value = draw(_rest(sight, source, link))
    return f"_has:{source}:{code}:{name}", value


@st.composite
def _rest(draw: st.Draw, sight: Sight, resource_type: str, link: int) -> Pair:
    """Make what stands behind a link: a parameter, or another link while fewer than three."""
    forms = [plain_filters(sight, resource_type)] * 4
    if link < 3 and any(arrow[0] == resource_type for arrow in sight.arrows):
        forms.append(_chains(sight, resource_type, link + 1))
    if link < 3 and any(arrow[2] == resource_type for arrow in sight.arrows):
        forms.append(_reverse_chains(sight, resource_type, link + 1))
    return draw(draw(st.sampled_from(forms)))


def _kind(resource_type: str, name: str) -> str:
    """Name the kind of a parameter, so that a chain without a type asks every target the same question."""
    parameter = find_parameter(resource_type, re.split("[.:]", name)[0])
    return parameter.kind if parameter else ""


@st.composite
def _answers(draw: st.Draw, sight: Sight, resource_type: str) -> Pair:
    """Make one pair about the answer: its order, its page, or a word that nobody knows."""
    forms = [sorts(sight, resource_type), sorts(sight, resource_type)]
    forms += [
        st.integers(1, 6).map(lambda count: ("_count", str(count))),
        st.integers(0, 4).map(lambda offset: ("_offset", str(offset))),
        st.just(("unheard-of", "1")),
    ]
    return draw(draw(st.sampled_from(forms)))


@st.composite
def sorts(draw: st.Draw, sight: Sight, resource_type: str) -> Pair:
    keys = ["_id", "_lastUpdated"] + [
        parameter.code
        for parameter, nodes in sight.parameters[resource_type]
        if parameter.kind != "composite"
        and not parameter.code.startswith("_")
        and not (parameter.kind == "reference" and any(isinstance(node.value, str) for node in nodes))
    ]
    chosen = draw(st.subsets(keys, least=1, most=2))
    return "_sort", ",".join(draw(st.sampled_from(("", "-"))) + key for key in chosen)


@st.composite
def _journeys(draw: st.Draw, sight: Sight, resource_type: str) -> list[Pair]:
    """Make one to three inclusions, each from where the last one led; which of them iterate is left to chance."""
    pairs, here = [], resource_type
    for _ in range(draw(st.sampled_from((1, 2, 2, 3)))):
        near = [arrow for arrow in sight.arrows if here in (arrow[0], arrow[2])]
        source, code, target = draw(st.sampled_from(near or sight.arrows))
        reverse = target == here and (source != here or draw(st.booleans()))
        name = ("_revinclude" if reverse else "_include") + draw(st.sampled_from(("", ":iterate")))
        parameter = "*" if name == "_include" and draw(st.integers(0, 5)) == 0 else code
        pairs.append((name, f"{source}:{parameter}" + draw(st.sampled_from(("", f":{target}")))))
        here = source if reverse else target
    return pairs
