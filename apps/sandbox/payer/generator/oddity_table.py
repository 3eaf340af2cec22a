"""Where each oddity stands: the table that tests walk, one place for each.

Owns `ODDITIES`, with a way of seeing each oddity in its resource's text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apps.sandbox.payer.generator.json_text import read
from apps.sandbox.payer.generator.oddities import FOREIGN, MISSING, VISIT_URN, longest_id
from apps.sandbox.payer.plans import PLANS


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """Where one oddity stands; `shows` is true of that resource's text."""

    login: str
    reference: str
    shows: Callable[[bytes], bool]


def _has(*parts: str) -> Callable[[bytes], bool]:
    return lambda text: all(part.encode() in text for part in parts)


def _lacks(element: str) -> Callable[[bytes], bool]:
    return lambda text: element not in read(text)


_CLINICAL_LOGIN = "patient7@flexpa.com"
_CLINICAL_PATIENT = "foo-7"
_LOGIN = "patient2@flexpa.com"
_PATIENT = "foo-2"
_DOCTOR = f"Practitioner/{PLANS['foomedical'].id_prefix}-prac-1"


def _odd(reference: str, shows: Callable[[bytes], bool], *, login: str = _LOGIN) -> Oddity:
    type_, word = reference.split("/")
    return Oddity(login=login, reference=f"{type_}/{_PATIENT}-odd-{word}", shows=shows)


def _clinical(reference: str, *shows: str) -> Oddity:
    type_, word = reference.split("/")
    return Oddity(login=_CLINICAL_LOGIN, reference=f"{type_}/{_CLINICAL_PATIENT}-odd-{word}", shows=_has(*shows))


def _whole(login: str, reference: str, shows: Callable[[bytes], bool]) -> Oddity:
    return Oddity(login=login, reference=reference, shows=shows)


ODDITIES: dict[str, Oddity] = {
    "decimal with trailing zeros": _odd("Observation/trailing-zeros", _has('"value":1.10,')),
    "decimal with exponent": _odd("Observation/exponent", _has('"value":1e3,')),
    "decimal with negative exponent": _odd("Observation/small-exponent", _has('"value":1.0E-2,')),
    "integer over 64 bits": _odd("Observation/large-integer", _has(":123456789012345678901234567890,")),
    "minus zero": _odd("Observation/minus-zero", _has('"value":-0,')),
    "minus zero point zero": _odd("Observation/minus-zero-point-zero", _has('"value":-0.0,')),
    "decimal beyond doubles": _odd("Observation/long-decimal", _has("0.10000000000000000000000000001")),
    "accented name": _whole(_LOGIN, f"Patient/{_PATIENT}", _has("Ángel", "Peñalosa-Núñez")),
    "Han name": _whole("patient3@flexpa.com", "Patient/foo-3", _has("林 美玲")),
    "right-to-left name": _whole("patient30@flexpa.com", "Patient/foo-30", _has("ليلى حداد")),
    "emoji in a name": _whole("acme-2", "Patient/acme-m-2", _has("🎈")),
    "contained resources": _odd("MedicationRequest/contained", _has('"contained":[', '"#drug"', '"#maker"')),
    "urn:uuid reference": _odd("Observation/urn", _has(f'"reference":"{VISIT_URN}"')),
    "urn:uuid reference ahead of its target": _odd("Condition/urn-condition", _has(VISIT_URN)),
    "absolute reference to own base": _odd("Observation/absolute-own", _has(f"/foomedical/fhir/{_DOCTOR}")),
    "absolute reference to a foreign base": _odd("Observation/absolute-foreign", _has(FOREIGN)),
    "conditional reference": _odd("Observation/conditional", _has("Practitioner?identifier=")),
    "versioned reference": _odd("Observation/versioned", _has(f'"{_DOCTOR}/_history/2"')),
    "absolute versioned reference": _odd("Observation/absolute-versioned", _has(f"{_DOCTOR}/_history/2")),
    "reference inside an extension": _odd("Observation/in-extension", _has('"valueReference":{')),
    "reference to nothing": _odd("Observation/missing-target", _has(MISSING)),
    "reference by identifier only": _odd("Observation/identifier-only", _has('"identifier":{"sys')),
    "EOB without provider": _odd("ExplanationOfBenefit/no-provider", _lacks("provider")),
    "EOB without insurer": _odd("ExplanationOfBenefit/no-insurer", _lacks("insurer")),
    "EOB without insurance": _odd("ExplanationOfBenefit/no-insurance", _lacks("insurance")),
    "Coverage without payor": _odd("Coverage/no-payor", _lacks("payor")),
    "Claim without provider": _odd("Claim/no-provider", _lacks("provider")),
    "Claim without priority": _odd("Claim/no-priority", _lacks("priority")),
    "identifier that is one object": _odd("QuestionnaireResponse/one-identifier", _has('"identifier":{')),
    "type without identifier": _odd("Provenance/no-identifier", _lacks("identifier")),
    "meta.tag of the payer": _odd("Observation/tagged", _has('"tag":[{"system":"https://sandbox.example/tags"')),
    "meta.profile of the payer": _odd("Observation/tagged", _has('"profile":["https://sandbox.example/')),
    "id with dots": _whole(_LOGIN, f"Observation/{_PATIENT}.odd.with.dots", _has(".odd.with.dots")),
    "id of 64 characters": _whole(_LOGIN, f"Observation/{longest_id(_PATIENT)}", _has("x" * 50)),
    "id in two types, one": _odd("Observation/twin", _has('"resourceType":"Observation"', "odd-twin")),
    "id in two types, other": _odd("Condition/twin", _has('"resourceType":"Condition"', "odd-twin")),
    "Attachment.url": _odd("DocumentReference/attachment-url", _has("https://files.elsewhere.example/")),
    "escapes": _odd("Observation/escapes", _has(r"Caf\u00e9 w\/ Zo\u00eb: 1\/2 kg \ud83e\uddc3")),
    "text over several lines": _odd("Observation/spread", _has('{\n  "resourceType": "Observation",\n')),
    "C-CDA inline": _whole(
        "patient3@flexpa.com", "DocumentReference/foo-3-ccda-inline", _has('"data":"PD94bWw')
    ),
    "C-CDA linked": _whole(
        "HUser00001", "DocumentReference/hum-m-00001-ccda-linked", _has('/Binary/hum-m-00001-ccda"')
    ),
    "Binary": _whole("HUser00001", "Binary/hum-m-00001-ccda", _has('"contentType":"application/xml"')),
    "no Latin name first": _whole("patient5@flexpa.com", "Patient/foo-5", _has('"family":"김"')),
    "name of one word": _whole("acme-9", "Patient/acme-m-9", _has('"name":[{"use":"official","family":"Wulandari"}]')),
    "birthday on 29 February": _whole(_CLINICAL_LOGIN, f"Patient/{_CLINICAL_PATIENT}", _has('"1956-02-29"')),
    "extension of a primitive": _whole(_CLINICAL_LOGIN, f"Patient/{_CLINICAL_PATIENT}", _has('"_birthDate":{')),
    "death to the month": _whole(_CLINICAL_LOGIN, f"Patient/{_CLINICAL_PATIENT}", _has('"deceasedDateTime":"2026-06"')),
    "Patient.link of the payer": _whole(_CLINICAL_LOGIN, f"Patient/{_CLINICAL_PATIENT}", _has('"link":[{"other":')),
    "date of a year": _clinical("Condition/year", '"onsetDateTime":"2011"'),
    "date on 29 February": _clinical("Observation/leap-day", '"2024-02-29"'),
    "leap second": _clinical("Observation/leap-second", ":59:60Z"),
    "fraction of nine digits": _clinical("Observation/nanoseconds", ".123456789Z"),
    "zone ahead by 14 hours": _clinical("Observation/far-zone", "+14:00"),
    "time without zone": _clinical("Observation/no-zone", '"2024-03-10T02:30:00"'),
    "year 9999": _clinical("Coverage/for-ever", '"end":"9999-12-31"'),
    "period without start": _clinical("Procedure/no-start", '"performedPeriod":{"end":'),
    "period without end": _clinical("Procedure/no-end", '"performedPeriod":{"start":"2024-01-15T10:00:00-05:00"}'),
    "performed as text": _clinical("Procedure/as-text", '"performedString":'),
    "onset as age": _clinical("Condition/as-age", '"onsetAge":'),
    "effective as Timing": _clinical("Observation/as-timing", '"effectiveTiming":{"event":'),
    "no date at all": _whole(
        _CLINICAL_LOGIN, f"Observation/{_CLINICAL_PATIENT}-odd-no-date", _lacks("effectiveDateTime")
    ),
    "quantity with comparator": _clinical("Observation/comparator", '"comparator":"<"'),
    "value that is absent, with its reason": _clinical("Observation/absent", '"dataAbsentReason":'),
    "code as text only": _clinical("Condition/text-only", '"code":{"text":'),
    "coding without system": _clinical("Condition/no-system", '"coding":[{"code":"LOCAL-7"}]'),
    "entered in error": _clinical("Observation/entered-in-error", '"status":"entered-in-error"'),
    "condition entered in error": _clinical("Condition/entered-in-error", '"code":"entered-in-error"'),
    "refuted allergy": _clinical("AllergyIntolerance/refuted", '"code":"refuted"'),
    "no known allergy": _clinical("AllergyIntolerance/none-known", '"716186003"'),
    "identifier without system": _clinical("Encounter/bare-identifier", '"identifier":[{"value":"77"}]'),
    "markup in a text": _clinical("Observation/markup", "<script>alert(1)</script>"),
    "ids that differ in case, one": _clinical("Observation/case", "-odd-case"),
    "ids that differ in case, other": _clinical("Observation/CASE", "-odd-CASE"),
    "text of 100,000 characters": _clinical("DiagnosticReport/long", "Many words " * 9000),
}  # fmt: skip
