"""Organizations, practitioners, their roles and places: a plan's members share them.

Owns the support types but Medication; adds one to a record when it is first referred to. NPIs are well formed
(check digit) and begin with 2, which is unassigned.
"""

from __future__ import annotations

import datetime
import random

from apps.sandbox.payer.generator.codes import NPI, NUCC, TERMINOLOGY, concept
from apps.sandbox.payer.generator.json_text import Json
from apps.sandbox.payer.generator.record import RecordBuilder, ref

_LISTED = datetime.date(2020, 3, 2)
_GIVEN = (
    "Amara",
    "Bertil",
    "Chioma",
    "Dmitri",
    "Elif",
    "Farouk",
    "Gudrun",
    "Hiroko",
    "Inés",
    "Jamal",
    "Kalina",
)
_FAMILY = ("Abernathy", "Brandvold", "Castellane", "Drozdov", "Eskildsen", "Fairweather", "Gwyn", "Hargreave")
_PLACES = (
    "Birchwood",
    "Stonebridge",
    "Clearwater",
    "Fairhaven",
    "Maplecrest",
    "Riverbend",
    "Summit",
    "Lakeshore",
)
_KINDS = ("Family Practice", "Medical Center", "Hospital", "Orthopedic Associates", "Imaging", "Laboratory")
_SPECIALTIES = (
    ("207Q00000X", "Family Medicine Physician"),
    ("207R00000X", "Internal Medicine Physician"),
    ("363LF0000X", "Family Nurse Practitioner"),
    ("207X00000X", "Orthopaedic Surgery Physician"),
    ("2085R0202X", "Diagnostic Radiology Physician"),
)
_STATES = ("OH", "NM", "CA", "MI", "MD", "NJ")


def npi(serial: int) -> str:
    """Make a National Provider Identifier with its Luhn check digit. Source: 45 CFR 162.406, prefix 80840."""
    nine = f"2{serial:08d}"
    digits = [int(digit) for digit in nine]
    doubled = [sum(divmod(digit * 2, 10)) if place % 2 == 0 else digit for place, digit in enumerate(digits)]
    return nine + str(-(24 + sum(doubled)) % 10)


def payer(record: RecordBuilder) -> str:
    """Refer to the plan's own organization."""
    id_ = f"{record.plan.id_prefix}-payer"
    if f"Organization/{id_}" not in record:
        record.add(
            "Organization",
            {
                "identifier": [{"system": "https://sandbox.example/payer-id", "value": record.plan.id_prefix}],
                "active": True,
                "type": [concept(f"{TERMINOLOGY}/organization-type", "pay", "Payer")],
                "name": record.plan.display,
                "telecom": [{"system": "phone", "value": "+1 555 0100", "use": "work"}],
            },
            on=_LISTED,
            id_=id_,
        )
    return f"Organization/{id_}"


def organization(record: RecordBuilder, serial: int) -> str:
    """Refer to a provider organization."""
    id_ = f"{record.plan.id_prefix}-org-{serial}"
    if f"Organization/{id_}" not in record:
        chance = _chance(record, "organization", serial)
        place, kind = chance.choice(_PLACES), chance.choice(_KINDS)
        record.add(
            "Organization",
            {
                "identifier": [{"system": NPI, "value": npi(5000 + serial)}],
                "active": True,
                "type": [concept(f"{TERMINOLOGY}/organization-type", "prov", "Healthcare Provider")],
                "name": f"{place} {kind}",
                "telecom": [{"system": "phone", "value": f"+1 555 01{serial % 100:02d}", "use": "work"}],
                "address": [_address(chance, place)],
            },
            on=_LISTED,
            id_=id_,
        )
    return f"Organization/{id_}"


def location(record: RecordBuilder, serial: int) -> str:
    """Refer to a place of care, and add the organization that runs it."""
    id_ = f"{record.plan.id_prefix}-loc-{serial}"
    if f"Location/{id_}" not in record:
        chance = _chance(record, "location", serial)
        place = chance.choice(_PLACES)
        record.add(
            "Location",
            {
                "identifier": [{"system": "https://sandbox.example/location", "value": str(7000 + serial)}],
                "status": "active",
                "name": f"{place} Building {serial}",
                "address": _address(chance, place),
                "managingOrganization": ref(organization(record, serial)),
            },
            on=_LISTED,
            id_=id_,
        )
    return f"Location/{id_}"


def practitioner(record: RecordBuilder, serial: int) -> str:
    """Refer to a practitioner."""
    id_ = f"{record.plan.id_prefix}-prac-{serial}"
    if f"Practitioner/{id_}" not in record:
        chance = _chance(record, "practitioner", serial)
        given, family = chance.choice(_GIVEN), chance.choice(_FAMILY)
        code, display = chance.choice(_SPECIALTIES)
        record.add(
            "Practitioner",
            {
                "identifier": [{"system": NPI, "value": npi(serial)}],
                "active": True,
                "name": [{"family": family, "given": [given], "prefix": ["Dr."]}],
                "telecom": [{"system": "phone", "value": f"+1 555 02{serial % 100:02d}", "use": "work"}],
                "qualification": [{"code": concept(NUCC, code, display)}],
            },
            on=_LISTED,
            id_=id_,
        )
    return f"Practitioner/{id_}"


def practitioner_role(record: RecordBuilder, serial: int) -> str:
    """Refer to a practitioner's role at a place, and add everything that it names."""
    id_ = f"{record.plan.id_prefix}-role-{serial}"
    if f"PractitionerRole/{id_}" not in record:
        code, display = _chance(record, "practitioner", serial).choice(_SPECIALTIES)
        record.add(
            "PractitionerRole",
            {
                "identifier": [{"system": "https://sandbox.example/role", "value": str(9000 + serial)}],
                "active": True,
                "practitioner": ref(practitioner(record, serial)),
                "organization": ref(organization(record, serial % 12)),
                "specialty": [concept(NUCC, code, display)],
                "location": [ref(location(record, serial % 12))],
                "telecom": [{"system": "phone", "value": "+1 555 0199", "use": "work"}],
            },
            on=_LISTED,
            id_=id_,
        )
    return f"PractitionerRole/{id_}"


def some_serial(record: RecordBuilder) -> int:
    """Pick one of the providers that this member sees: few for a small record, more for a large one."""
    return 1 + record.random.randrange(min(40, 2 + record.member.size // 60))


def some_organization(record: RecordBuilder) -> str:
    """Refer to one of the member's provider organizations."""
    return organization(record, some_serial(record) % 12)


def some_practitioner(record: RecordBuilder) -> str:
    """Refer to one of the member's practitioners."""
    return practitioner(record, some_serial(record))


def _chance(record: RecordBuilder, noun: str, serial: int) -> random.Random:
    return random.Random(f"record-relay/{record.plan.key}/{noun}/{serial}")


def _address(chance: random.Random, place: str) -> Json:
    return {
        "use": "work",
        "line": [f"{chance.randrange(10, 9900)} {place} Avenue"],
        "city": place,
        "state": chance.choice(_STATES),
        "postalCode": f"{chance.randrange(10000, 99999)}",
        "country": "US",
    }
