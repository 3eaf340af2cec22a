"""A Continuity of Care Document about a member: header, and the sections of problems, allergies, drugs, results.

Owns the XML; says the same at every start, and nothing that the record's FHIR resources would have to agree
with. Source: HL7 C-CDA R2.1, "Continuity of Care Document (CCD) (V3)".
"""

from __future__ import annotations

import datetime
import random
from xml.sax.saxutils import escape

from apps.sandbox.payer.generator.codes import ALLERGENS, DRUGS, LABORATORY_PANELS, PROBLEMS
from apps.sandbox.payer.generator.directory import npi
from apps.sandbox.payer.members import Member
from apps.sandbox.payer.plans import PLANS

_SNOMED = "2.16.840.1.113883.6.96"
_LOINC = "2.16.840.1.113883.6.1"
_RXNORM = "2.16.840.1.113883.6.88"
_GENDERS = {"female": "F", "male": "M"}
_TEMPLATES = "2.16.840.1.113883.10.20.22"


def continuity_of_care_document(member: Member, on: datetime.date) -> bytes:
    """Write the document as of a day."""
    chance = random.Random(f"record-relay/ccda/{member.plan}/{member.login}")
    problems = chance.sample(PROBLEMS, 3)
    allergy = chance.choice(ALLERGENS)
    drugs = chance.sample(DRUGS, 2)
    _, panel, measures = chance.choice(LABORATORY_PANELS)
    sections = (
        _section("5.1", "11450-4", "Problem list", ("Problem", "Status"), [
            ((words, "Active"), _observation("4.4", code, _SNOMED, words)) for code, _, words in problems
        ]),
        _section("6.1", "48765-2", "Allergies and adverse reactions", ("Allergy", "Status"), [
            ((allergy[1], "Active"), _observation("4.7", allergy[0], _SNOMED, allergy[1]))
        ]),
        _section("1.1", "10160-0", "History of medication use", ("Drug", "Directions"), [
            ((words, "As directed"), _administration(code, words, on)) for code, words, _, _ in drugs
        ]),
        _section("3.1", "30954-2", f"Results: {panel}", ("Test", "Value"), [
            ((one.display, f"{one.high} {one.unit}"), _result(one.code, one.display, one.high, one.unit, on))
            for one in measures
        ]),
    )  # fmt: skip
    body = "\n".join(sections)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
{_header(member, on)}
  <component>
    <structuredBody>
{body}
    </structuredBody>
  </component>
</ClinicalDocument>
""".encode()


def _header(member: Member, on: datetime.date) -> str:
    plan = escape(PLANS[member.plan].display)
    moment = f"{on:%Y%m%d}200000-0500"
    organization = f"""<id root="2.16.840.1.113883.19.5.99999.3" extension="{member.plan}"/><name>{plan}</name>"""
    return f"""  <realmCode code="US"/>
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <templateId root="{_TEMPLATES}.1.1" extension="2015-08-01"/>
  <templateId root="{_TEMPLATES}.1.2" extension="2015-08-01"/>
  <id root="2.16.840.1.113883.19.5.99999.1" extension="{escape(member.patient_id)}"/>
  <code code="34133-9" codeSystem="{_LOINC}" displayName="Summarization of Episode Note"/>
  <title>Continuity of Care Document</title>
  <effectiveTime value="{moment}"/>
  <confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>
  <languageCode code="en-US"/>
{_record_target(member)}
  <author>
    <time value="{moment}"/>
    <assignedAuthor>
      <id root="2.16.840.1.113883.4.6" extension="{npi(1)}"/>
      <representedOrganization>{organization}</representedOrganization>
    </assignedAuthor>
  </author>
  <custodian>
    <assignedCustodian>
      <representedCustodianOrganization>{organization}</representedCustodianOrganization>
    </assignedCustodian>
  </custodian>
  <documentationOf>
    <serviceEvent classCode="PCPR">
      <effectiveTime><low value="{on.year - 1}0101"/><high value="{on:%Y%m%d}"/></effectiveTime>
    </serviceEvent>
  </documentationOf>"""


def _record_target(member: Member) -> str:
    person = member.person
    given = f"<given>{escape(person.given)}</given>" if person.given else ""
    return f"""  <recordTarget>
    <patientRole>
      <id root="2.16.840.1.113883.19.5.99999.2" extension="{escape(member.patient_id)}"/>
      <addr use="HP">
        <streetAddressLine>{escape(person.line)}</streetAddressLine><city>{escape(person.city)}</city>
        <state>{person.state}</state><postalCode>{person.postal_code}</postalCode><country>US</country>
      </addr>
      <telecom use="HP" value="tel:{person.phone.replace(" ", "-")}"/>
      <patient>
        <name use="L">{given}<family>{escape(person.family)}</family></name>
        <administrativeGenderCode code="{_GENDERS.get(person.gender, "UN")}" codeSystem="2.16.840.1.113883.5.1"/>
        <birthTime value="{person.birth_date.replace("-", "")}"/>
      </patient>
    </patientRole>
  </recordTarget>"""


def _section(
    template: str, code: str, title: str, heads: tuple[str, str], rows: list[tuple[tuple[str, str], str]]
) -> str:
    """Write a section: its narrative table for people, then an entry for each row."""
    head = "".join(f"<th>{one}</th>" for one in heads)
    table = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>" for cells, _ in rows)
    entries = "\n".join(f"          <entry>{entry}</entry>" for _, entry in rows)
    return f"""      <component>
        <section>
          <templateId root="{_TEMPLATES}.2.{template}" extension="2015-08-01"/>
          <code code="{code}" codeSystem="{_LOINC}" displayName="{escape(title)}"/>
          <title>{escape(title)}</title>
          <text><table><thead><tr>{head}</tr></thead><tbody>{table}</tbody></table></text>
{entries}
        </section>
      </component>"""


def _observation(template: str, code: str, system: str, words: str) -> str:
    value = f'<value xsi:type="CD" code="{code}" codeSystem="{system}" displayName="{escape(words)}"/>'
    return (
        f'<observation classCode="OBS" moodCode="EVN"><templateId root="{_TEMPLATES}.{template}"/>'
        f'<code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"/>'
        f'<statusCode code="completed"/>{value}</observation>'
    )


def _administration(code: str, words: str, on: datetime.date) -> str:
    drug = f'<code code="{code}" codeSystem="{_RXNORM}" displayName="{escape(words)}"/>'
    return (
        f'<substanceAdministration classCode="SBADM" moodCode="INT"><templateId root="{_TEMPLATES}.4.16"/>'
        f'<statusCode code="active"/><effectiveTime xsi:type="IVL_TS"><low value="{on:%Y%m%d}"/></effectiveTime>'
        f'<consumable><manufacturedProduct classCode="MANU"><manufacturedMaterial>{drug}</manufacturedMaterial>'
        "</manufacturedProduct></consumable></substanceAdministration>"
    )


def _result(code: str, words: str, value: int, unit: str, on: datetime.date) -> str:
    return (
        f'<observation classCode="OBS" moodCode="EVN"><templateId root="{_TEMPLATES}.4.2"/>'
        f'<code code="{code}" codeSystem="{_LOINC}" displayName="{escape(words)}"/><statusCode code="completed"/>'
        f'<effectiveTime value="{on:%Y%m%d}"/>'
        f'<value xsi:type="PQ" value="{value}" unit="{escape(unit)}"/></observation>'
    )
