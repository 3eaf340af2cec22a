"""The invented people who are members, some of two or three plans. Owns who they are; refuses real persons."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Representative:
    """Who may act for a member. Shape: `role` is an HL7 v3 RoleCode."""

    given: str
    family: str
    role: str
    role_words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An invented person, as one plan knows them.

    Shape: `birth_date` is YYYY-MM-DD, `gender` a FHIR administrative gender, `given` may be empty; `same_as` is
    the name of the same person at another plan, where it is spelled otherwise.
    """

    given: str
    family: str
    gender: str
    birth_date: str
    line: str
    city: str
    state: str
    postal_code: str
    language: str = "en-US"
    other_name: str = ""
    phone: str = "+1 555 0142"
    same_as: str = ""
    representative: Representative | None = None

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}".strip()

    @property
    def identity(self) -> str:
        """Name the person behind all their spellings."""
        return self.same_as or self.name


AVERY = Person(
    given="Avery", family="Quill", gender="other", birth_date="1991-04-17",
    line="14 Larkspur Row", city="Dayton", state="OH", postal_code="45402",
)  # fmt: skip
JOSE = Person(
    given="José Ángel", family="Peñalosa-Núñez", gender="male", birth_date="1968-11-02",
    line="9 Calle del Sauce", city="Española", state="NM", postal_code="87532", language="es-US",
)  # fmt: skip
MEILING = Person(
    given="Mei-Ling", family="Lin", gender="female", birth_date="1979-02-28", other_name="林 美玲",
    line="220 Juniper Terrace", city="Alhambra", state="CA", postal_code="91801", language="zh",
)  # fmt: skip
LAYLA = Person(
    given="Layla", family="Haddad", gender="female", birth_date="1955-08-23", other_name="ليلى حداد",
    line="3 Millrace Court", city="Dearborn", state="MI", postal_code="48126", language="ar",
)  # fmt: skip
RUTH = Person(
    given="Ruth", family="Okonjo-Bell", gender="female", birth_date="1948-01-30",
    line="77 Harbor Steps", city="Baltimore", state="MD", postal_code="21231",
)  # fmt: skip
YAEL = Person(
    given="Yael", family="Barzel", gender="female", birth_date="2002-06-09", other_name="יעל ברזל",
    line="51 Poplar Mews", city="Teaneck", state="NJ", postal_code="07666",
)  # fmt: skip
NOEL = Person(
    given="Noël", family="O’Sandford 🎈", gender="male", birth_date="2016-12-25",
    line="8 Thimble Lane", city="Burlington", state="VT", postal_code="05401",
)  # fmt: skip
KENJI = Person(
    given="Kenji", family="Moriwaki", gender="male", birth_date="1983-10-14", other_name="森脇 健二",
    line="1600 Cedar Bluff", city="Honolulu", state="HI", postal_code="96813", language="ja",
)  # fmt: skip
IRINA = Person(
    given="Irina", family="Solovets", gender="female", birth_date="1972-03-05", other_name="Ирина Соловец",
    line="402 Alder Street", city="Portland", state="OR", postal_code="97205",
)  # fmt: skip
DARNELL = Person(
    given="Darnell", family="Whitcomb", gender="male", birth_date="1960-07-19",
    line="29 Quarry Road", city="Macon", state="GA", postal_code="31201",
)  # fmt: skip

# A third plan's view of José: no accents, an initial, the address before the last move, another phone.
JOSE_ELSEWHERE = dataclasses.replace(
    JOSE, given="Jose A.", family="Penalosa Nunez", line="117 Mesa Vista Apt. 4", city="Espanola", postal_code="87533",
    language="en-US", phone="+1 555 0177", same_as=JOSE.name,
)  # fmt: skip
THEO = Person(
    given="Theo", family="Quill", gender="male", birth_date="2019-05-11",
    line="14 Larkspur Row", city="Dayton", state="OH", postal_code="45402",
    representative=Representative(given="Avery", family="Quill", role="PRN", role_words="parent"),
)  # fmt: skip
MINJUN = Person(
    given="민준", family="김", gender="male", birth_date="1994-12-03", other_name="Min-jun Kim",
    line="88 Sycamore Court", city="Annandale", state="VA", postal_code="22003", language="ko",
)  # fmt: skip
BLANCA = Person(
    given="Blanca", family="Tarrow", gender="female", birth_date="2000-01-01",
    line="2 Newcomer Lane", city="Boise", state="ID", postal_code="83702",
)  # fmt: skip
OTTO = Person(
    given="Otto", family="Zweifel", gender="male", birth_date="1956-02-29",
    line="31 Leap Street", city="Madison", state="WI", postal_code="53703", language="de",
)  # fmt: skip
WILHELMINA = Person(
    given="Wilhelmina", family="van der Plume", gender="female", birth_date="1938-09-14",
    line="5 Orchard Close", city="Holland", state="MI", postal_code="49423",
    representative=Representative(
        given="Pieter", family="van der Plume", role="POWATT", role_words="power of attorney"
    ),
)  # fmt: skip
TAMSIN = Person(
    given="Tamsin", family="Ferrow", gender="female", birth_date="1987-06-30",
    line="640 Copper Hill", city="Butte", state="MT", postal_code="59701",
)  # fmt: skip
GIORGOS = Person(
    given="Γιώργος", family="Καραλής", gender="male", birth_date="1964-04-23", other_name="Giorgos Karalis",
    line="12 Harbor View", city="Tarpon Springs", state="FL", postal_code="34689", language="el",
)  # fmt: skip
PIPPA = Person(
    given="Pippa", family="Aldercott", gender="female", birth_date="2026-03-02",
    line="71 Foxglove Way", city="Eugene", state="OR", postal_code="97401",
    representative=Representative(given="Rowan", family="Aldercott", role="FTH", role_words="father"),
)  # fmt: skip
SUNIL = Person(
    given="सुनील", family="भटनागर", gender="male", birth_date="1976-08-15", other_name="Sunil Bhatnagar",
    line="209 Magnolia Drive", city="Edison", state="NJ", postal_code="08817", language="hi",
)  # fmt: skip
EARL = Person(
    given="Earl", family="Stubblefield", gender="male", birth_date="1941-10-05",
    line="Rural Route 3", city="Paducah", state="KY", postal_code="42001",
    representative=Representative(given="Nadine", family="Stubblefield", role="GUARD", role_words="guardian"),
)  # fmt: skip
LUCIA = Person(
    given="Lucía", family="Ibáñez de la O", gender="female", birth_date="1990-07-07",
    line="4 Plaza Menor", city="Laredo", state="TX", postal_code="78040", language="es-US",
)  # fmt: skip
MOSES = Person(
    given="Moses", family="Abernethy", gender="male", birth_date="1952-03-18",
    line="18 Tannery Road", city="Asheville", state="NC", postal_code="28801",
)  # fmt: skip
SAMIRA = Person(
    given="Samira", family="Haddad", gender="female", birth_date="2011-01-19", other_name="سميرة حداد",
    line="3 Millrace Court", city="Dearborn", state="MI", postal_code="48126", language="ar",
    representative=Representative(given="Layla", family="Haddad", role="GRMTH", role_words="grandmother"),
)  # fmt: skip
SOMCHAI = Person(
    given="สมชาย", family="ทองดี", gender="male", birth_date="1969-11-11", other_name="Somchai Thongdee",
    line="77 Lotus Avenue", city="Las Vegas", state="NV", postal_code="89101", language="th",
)  # fmt: skip
WULANDARI = Person(
    given="", family="Wulandari", gender="female", birth_date="1998-02-14",
    line="150 Banyan Street", city="Fremont", state="CA", postal_code="94536", language="id",
)  # fmt: skip
HENRIETTA = Person(
    given="Henrietta", family="Lockridge-O’Dell", gender="female", birth_date="1959-05-25",
    line="8 Steeple Square", city="Concord", state="NH", postal_code="03301",
)  # fmt: skip
