"""Who can sign in at which plan, and how much of what their record holds.

Owns the table and the look-ups; the records themselves are `records`. Logins are unique over all plans. The
logins patient1, 2, 3, 30, 31 and HUser00001 to 4, and their passwords, are those published for such test modes.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum

from apps.sandbox.payer.generator import people
from apps.sandbox.payer.generator.people import Person


class Content(StrEnum):
    """One part of what a record holds."""

    MEDICAL = "medical"
    PHARMACY = "pharmacy"
    MEDICARE = "medicare"
    CLINICAL = "clinical"
    ODDITIES = "oddities"
    CLINICAL_ODDITIES = "clinical_oddities"
    CCDA_INLINE = "ccda_inline"
    CCDA_LINKED = "ccda_linked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person at one plan; `size` is how many resources the record has, to within a visit."""

    plan: str
    login: str
    password: str = ""
    patient_id: str
    person: Person
    size: int
    contents: frozenset[Content]


_CLAIMS = frozenset({Content.MEDICAL})
_MEDICARE = frozenset({Content.MEDICAL, Content.PHARMACY, Content.MEDICARE})
_CLINICAL = frozenset({Content.MEDICAL, Content.PHARMACY, Content.CLINICAL})
_ODD = _CLINICAL | {Content.ODDITIES}


def _foomedical(number: int, person: Person, size: int, contents: frozenset[Content], patient_id: str) -> Member:
    login = f"patient{number}@flexpa.com"
    return Member(
        plan="foomedical", login=login, password="examplepatient",  # noqa: S106 - published
        patient_id=patient_id, person=person, size=size, contents=contents,
    )  # fmt: skip


def _humana(number: int, person: Person, size: int, contents: frozenset[Content]) -> Member:
    return Member(
        plan="humana", login=f"HUser{number:05d}", password=f"PW{number:05d}!",
        patient_id=f"hum-m-{number:05d}", person=person, size=size, contents=contents,
    )  # fmt: skip


def _acme(number: int, person: Person, size: int, contents: frozenset[Content]) -> Member:
    return Member(
        plan="acme", login=f"acme-{number}",
        patient_id=f"acme-m-{number}", person=person, size=size, contents=contents,
    )  # fmt: skip


MEMBERS: tuple[Member, ...] = (
    _foomedical(1, people.AVERY, 30, _CLAIMS, "foo-1"),
    _foomedical(2, people.JOSE, 300, _ODD, "foo-2"),
    _foomedical(3, people.MEILING, 1400, _CLINICAL | {Content.CCDA_INLINE}, "foo-3"),
    _foomedical(4, people.THEO, 120, _CLINICAL, "foo-4"),
    _foomedical(5, people.MINJUN, 150, _CLINICAL, "foo-5"),
    _foomedical(6, people.BLANCA, 3, frozenset(), "foo-6"),  # Patient and Coverage, and the payer they name
    _foomedical(7, people.OTTO, 260, _CLINICAL | {Content.CLINICAL_ODDITIES}, "foo-7"),
    _foomedical(8, people.WILHELMINA, 130, _MEDICARE | {Content.CCDA_LINKED}, "foo-8"),
    _foomedical(30, people.LAYLA, 5000, _ODD, "foo-30"),
    _foomedical(31, people.RUTH, 140, _MEDICARE, "foo-31"),
    _humana(1, people.JOSE, 180, _ODD | {Content.CCDA_LINKED}),
    _humana(2, people.KENJI, 2200, _CLINICAL),
    _humana(3, people.IRINA, 640, _CLINICAL),
    _humana(4, people.DARNELL, 60, _CLAIMS | {Content.PHARMACY}),
    _humana(5, people.TAMSIN, 75, _CLAIMS),
    _humana(6, people.GIORGOS, 170, _CLINICAL | {Content.CCDA_INLINE, Content.CCDA_LINKED}),
    _humana(7, people.PIPPA, 60, _CLINICAL),
    _humana(8, people.SUNIL, 110, _CLINICAL),
    _humana(9, people.EARL, 200, _MEDICARE),
    _humana(10, people.LUCIA, 420, _ODD),
    _acme(1, people.LAYLA, 240, _CLINICAL),
    _acme(2, people.NOEL, 90, _CLINICAL),
    _acme(3, people.YAEL, 2100, _CLINICAL),
    _acme(4, people.AVERY, 36, _CLAIMS),
    _acme(5, people.JOSE_ELSEWHERE, 130, _CLINICAL),
    _acme(6, people.MOSES, 45, _CLAIMS | {Content.PHARMACY}),
    _acme(7, people.SAMIRA, 95, _CLINICAL),
    _acme(8, people.SOMCHAI, 100, _CLINICAL),
    _acme(9, people.WULANDARI, 70, _CLINICAL),
    _acme(10, people.HENRIETTA, 340, _CLINICAL),
)

_BY_LOGIN = {member.login.lower(): member for member in MEMBERS}


def members_of(plan: str) -> tuple[Member, ...]:
    """List a plan's members in the table's order."""
    return tuple(member for member in MEMBERS if member.plan == plan)


def find_member(login: str) -> Member | None:
    """Look a member up at any plan; letter case does not matter."""
    return _BY_LOGIN.get(login.strip().lower())


def check_password(plan: str, login: str, password: str) -> Member | None:
    """Return the plan's member whose login and password these are, or None."""
    member = find_member(login)
    known = member.password if member and member.plan == plan else ""
    matches = hmac.compare_digest(known.encode(), password.encode())
    return member if matches and known else None
