"""One member's record while it grows: ids, meta and exact text for every resource added.

Owns the seeded randomness and the envelope around a resource; what is inside belongs to the families.
"""

from __future__ import annotations

import datetime
import random
from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

from apps.sandbox.payer.generator import codes
from apps.sandbox.payer.generator.json_text import Json, write
from apps.sandbox.payer.members import Content, Member
from apps.sandbox.payer.plans import PLANS

Choice = TypeVar("Choice")

HISTORY_START = datetime.date(2016, 1, 4)
HISTORY_END = datetime.date(2026, 6, 30)

_PROFILES = {
    "AllergyIntolerance": "us-core-allergyintolerance",
    "CarePlan": "us-core-careplan",
    "CareTeam": "us-core-careteam",
    "Condition": "us-core-condition-problems-health-concerns",
    "Device": "us-core-implantable-device",
    "DiagnosticReport": "us-core-diagnosticreport-lab",
    "DocumentReference": "us-core-documentreference",
    "Encounter": "us-core-encounter",
    "Goal": "us-core-goal",
    "Immunization": "us-core-immunization",
    "Location": "us-core-location",
    "Medication": "us-core-medication",
    "MedicationDispense": "us-core-medicationdispense",
    "MedicationRequest": "us-core-medicationrequest",
    "Organization": "us-core-organization",
    "Practitioner": "us-core-practitioner",
    "PractitionerRole": "us-core-practitionerrole",
    "Procedure": "us-core-procedure",
    "Provenance": "us-core-provenance",
    "QuestionnaireResponse": "us-core-questionnaireresponse",
    "RelatedPerson": "us-core-relatedperson",
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource as it goes over the wire; `full_url` only where it is not base/Type/id."""

    type: str
    id: str
    text: bytes
    full_url: str | None = None

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"


class RecordBuilder:
    """Collects one member's resources, in the order in which they are added."""

    def __init__(self, member: Member, fhir_base: str) -> None:
        self.member = member
        self.plan = PLANS[member.plan]
        self.fhir_base = fhir_base
        self.patient = f"Patient/{member.patient_id}"
        self.coverages: dict[str, str] = {}
        self.random = random.Random(f"record-relay/{member.plan}/{member.login}")
        self._resources: dict[str, Resource] = {}
        self._numbers: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._resources)

    def __contains__(self, reference: object) -> bool:
        return reference in self._resources

    @property
    def resources(self) -> tuple[Resource, ...]:
        return tuple(self._resources.values())

    def holds(self, content: Content) -> bool:
        return content in self.member.contents

    def choose(self, options: tuple[Choice, ...]) -> Choice:
        return options[int(self.random.random() * len(options))]

    def happens(self, probability: float) -> bool:
        return self.random.random() < probability

    def next_id(self, type_: str) -> str:
        """Make the next id of a type: the patient's id, a short word of the type, a number."""
        self._numbers[type_] += 1
        word = "".join(letter for letter in type_ if letter.isupper()).lower()
        return f"{self.member.patient_id}-{word}{len(type_)}-{self._numbers[type_]}"

    def add(
        self,
        type_: str,
        body: Json,
        *,
        on: datetime.date,
        id_: str = "",
        profile: str = "",
        meta: Json | None = None,
        full_url: str | None = None,
        lines: bool = False,
    ) -> str:
        """Add a resource and return the reference to it.

        Shape: `body` is the resource without resourceType, id and meta; `meta` is merged over ours.
        """
        id_ = id_ or self.next_id(type_)
        whole_meta: Json = {"versionId": "1", "lastUpdated": self._last_updated(on)}
        if not profile and type_ in _PROFILES:
            profile = f"{codes.US_CORE}/{_PROFILES[type_]}"
        if profile:
            whole_meta["profile"] = [profile]
        whole_meta.update(meta or {})
        value = {"resourceType": type_, "id": id_, "meta": whole_meta, **body}
        resource = Resource(type_, id_, write(value, lines=lines), full_url)
        if resource.reference in self._resources:
            raise ValueError("The generator made one id twice.")
        self._resources[resource.reference] = resource
        return resource.reference

    def _last_updated(self, on: datetime.date) -> str:
        second = len(self._resources) * 7919 % 86400
        day = on + datetime.timedelta(days=2)
        return f"{day}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{second % 1000:03d}Z"


def ref(reference: str, display: str = "") -> Json:
    """Build a literal Reference."""
    return {"reference": reference, "display": display} if display else {"reference": reference}


def at(on: datetime.date, hour: int, minute: int = 0) -> str:
    """Build an instant of that day, five hours behind UTC, as a US payer would write it."""
    return f"{on}T{hour:02d}:{minute:02d}:00-05:00"
