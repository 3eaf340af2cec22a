"""The invented people who are members, some of two plans. Owns who they are; refuses real persons."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An invented person. Shape: `birth_date` is YYYY-MM-DD, `gender` a FHIR administrative gender."""

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

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"


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
