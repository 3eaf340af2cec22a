"""Members' records as the server serves them: generated on first use, kept, changed on request.

Owns the overlay that makes a second look differ from the first; refuses to write anything to disk.
"""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterable, Mapping, Sequence

from apps.sandbox.payer.control import Amendment
from apps.sandbox.payer.generator.json_text import Json, number, read, write
from apps.sandbox.payer.generator.record import HISTORY_END, RecordBuilder, Resource, ref
from apps.sandbox.payer.generator.results import add_observation
from apps.sandbox.payer.generator.whole_record import generate
from apps.sandbox.payer.members import Member, find_member

# Later than every generated lastUpdated.
_CHANGED_AT = datetime.datetime(2026, 9, 1, 12, 0, tzinfo=datetime.UTC)


class UnknownResourceError(LookupError):
    """A change to a resource that the record does not hold."""


class Record:
    """What one member's plan knows of them; never altered once made, so readers need no lock."""

    def __init__(self, member: Member, resources: Iterable[Resource], edition: int = 0) -> None:
        self.member = member
        self.edition = edition
        self._by_reference = {resource.reference: resource for resource in resources}
        self._by_type: dict[str, list[Resource]] = {}
        for resource in self._by_reference.values():
            self._by_type.setdefault(resource.type, []).append(resource)

    def __len__(self) -> int:
        return len(self._by_reference)

    @property
    def resources(self) -> Sequence[Resource]:
        return tuple(self._by_reference.values())

    def of_type(self, type_: str) -> Sequence[Resource]:
        return self._by_type.get(type_, [])

    def find(self, type_: str, id_: str) -> Resource | None:
        return self._by_reference.get(f"{type_}/{id_}")


class Records:
    """Every member's record, by login. Generation needs the base because some references are absolute."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._lock = threading.Lock()
        self._kept: dict[str, Record] = {}

    def of_login(self, login: str) -> Record:
        """Return a member's record.

        Raises: UnknownResourceError for a login that nobody has.
        """
        member = find_member(login)
        if member is None:
            raise UnknownResourceError("No member signs in so.")
        with self._lock:
            if member.login not in self._kept:
                self._kept[member.login] = Record(member, generate(member, self._fhir_base(member)))
            return self._kept[member.login]

    def amend(self, login: str, amendment: Amendment) -> Record:
        """Make the next look at this member differ: new, missing, changed and merely touched resources.

        Raises: UnknownResourceError.
        """
        record = self.of_login(login)
        with self._lock:
            record = self._kept[record.member.login]
            edition = record.edition + 1
            resources = {resource.reference: resource for resource in record.resources}
            for reference in (*amendment.remove, *amendment.change, *amendment.touch):
                if reference not in resources:
                    raise UnknownResourceError("A resource to remove, change or touch is not in the record.")
            for reference in amendment.change:
                resources[reference] = next_version(resources[reference], edition)
            for reference in amendment.touch:
                resources[reference] = _touched(resources[reference], edition)
            for reference in amendment.remove:
                resources.pop(reference, None)
            added = _additions(record, self._fhir_base(record.member), amendment.add, edition)
            amended = Record(record.member, [*resources.values(), *added], edition)
            self._kept[record.member.login] = amended
            return amended

    def reset(self) -> None:
        """Forget every amendment."""
        with self._lock:
            self._kept.clear()

    def _fhir_base(self, member: Member) -> str:
        return f"{self._base_url}/{member.plan}/fhir"


def next_version(resource: Resource, edition: int) -> Resource:
    """Give a resource its next version: later lastUpdated, and a content that really differs."""
    value = _next_meta(resource, edition)
    value["language"] = f"en-x-edition{edition}"  # an element that every type has
    return Resource(resource.type, resource.id, write(value), resource.full_url)


def _touched(resource: Resource, edition: int) -> Resource:
    return Resource(resource.type, resource.id, write(_next_meta(resource, edition)), resource.full_url)


def _next_meta(resource: Resource, edition: int) -> Json:
    value = read(resource.text)
    changed_at = _CHANGED_AT + datetime.timedelta(days=edition)
    value["meta"] |= {
        "versionId": str(int(value["meta"]["versionId"]) + 1),
        "lastUpdated": f"{changed_at:%Y-%m-%dT%H:%M:%S}.000Z",
    }
    return value


def _additions(record: Record, fhir_base: str, counts: Mapping[str, int], edition: int) -> list[Resource]:
    """Make new resources: weights as observations, of other types a likeness of one that is there."""
    added = []
    for type_, count in counts.items():
        models = record.of_type(type_)
        if count and not models and type_ != "Observation":
            raise UnknownResourceError(f"The record has no {type_} to make more like it.")
        for place in range(count):
            id_ = f"{record.member.patient_id}-new-{edition}-{place + 1}"
            if type_ == "Observation":
                added.append(_weight(record.member, fhir_base, f"{70 + edition}.{place % 100:02d}", id_))
            else:
                added.append(_likeness(models[place % len(models)], edition, id_))
    return added


def _weight(member: Member, fhir_base: str, kilograms: str, id_: str) -> Resource:
    builder = RecordBuilder(member, fhir_base)
    body = {"performer": [ref(builder.patient)], "valueQuantity": {"value": number(kilograms), "unit": "kg"}}
    reference = add_observation(builder, HISTORY_END, body, id_=id_)
    return next(resource for resource in builder.resources if resource.reference == reference)


def _likeness(model: Resource, edition: int, id_: str) -> Resource:
    value = _next_meta(model, edition) | {"id": id_, "language": f"en-x-edition{edition}"}
    value["meta"]["versionId"] = "1"
    return Resource(model.type, id_, write(value))
