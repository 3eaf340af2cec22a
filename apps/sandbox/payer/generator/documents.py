"""DocumentReference and Binary: notes, and C-CDA documents inline or linked.

Owns a small Continuity of Care Document. Source: US Core DocumentReference; HL7 C-CDA R2.1.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
from xml.sax.saxutils import escape

from apps.sandbox.payer.generator.codes import LOINC, TERMINOLOGY, US_CORE_CODES, concept
from apps.sandbox.payer.generator.directory import payer, some_practitioner
from apps.sandbox.payer.generator.json_text import Json
from apps.sandbox.payer.generator.record import RecordBuilder, at, ref
from apps.sandbox.payer.members import Member

_CCDA_FORMAT = "urn:hl7-org:sdwg:ccda-structuredBody:2.1"
_CONTINUITY_OF_CARE = ("34133-9", "Summary of episode note")
_PROGRESS_NOTE = ("11506-3", "Progress note")


def add_note(record: RecordBuilder, on: datetime.date, encounter: str, *, id_: str = "") -> str:
    """Add a short plain-text note of a visit, inline."""
    text = f"Seen on {on}. Feels well. Plan: continue, return in three months.".encode()
    body = _document(record, on, _PROGRESS_NOTE, _inline("text/plain; charset=utf-8", text))
    body["context"] = {"encounter": [ref(encounter)], "period": {"start": at(on, 9), "end": at(on, 9, 40)}}
    return record.add("DocumentReference", body, on=on, id_=id_)


def add_inline_ccda(record: RecordBuilder, on: datetime.date) -> str:
    """Add a C-CDA document whose bytes are in the DocumentReference itself."""
    document = ccda(record.member, on)
    body = _document(record, on, _CONTINUITY_OF_CARE, _inline("application/xml", document), is_ccda=True)
    return record.add("DocumentReference", body, on=on, id_=f"{record.member.patient_id}-ccda-inline")


def add_linked_ccda(record: RecordBuilder, on: datetime.date) -> str:
    """Add a C-CDA document whose bytes are in a Binary that the attachment's url names."""
    document = ccda(record.member, on)
    binary = record.add(
        "Binary",
        {
            "contentType": "application/xml",
            "securityContext": ref(record.patient),
            "data": base64.b64encode(document).decode(),
        },
        on=on,
        id_=f"{record.member.patient_id}-ccda",
    )
    attachment = {
        "contentType": "application/xml",
        "url": f"{record.fhir_base}/{binary}",
        "size": len(document),
        "hash": _sha1(document),
        "title": "Continuity of Care Document",
        "creation": at(on, 20),
    }
    body = _document(record, on, _CONTINUITY_OF_CARE, attachment, is_ccda=True)
    return record.add("DocumentReference", body, on=on, id_=f"{record.member.patient_id}-ccda-linked")


def ccda(member: Member, on: datetime.date) -> bytes:
    """Write a Continuity of Care Document with one section."""
    person = member.person
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
  <realmCode code="US"/>
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <templateId root="2.16.840.1.113883.10.20.22.1.1" extension="2015-08-01"/>
  <templateId root="2.16.840.1.113883.10.20.22.1.2" extension="2015-08-01"/>
  <id root="2.16.840.1.113883.19.5.99999.1" extension="{escape(member.patient_id)}"/>
  <code code="34133-9" codeSystem="2.16.840.1.113883.6.1" displayName="Summarization of Episode Note"/>
  <title>Continuity of Care Document</title>
  <effectiveTime value="{on:%Y%m%d}200000-0500"/>
  <confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>
  <languageCode code="en-US"/>
  <recordTarget>
    <patientRole>
      <id root="2.16.840.1.113883.19.5.99999.2" extension="{escape(member.patient_id)}"/>
      <patient>
        <name><given>{escape(person.given)}</given><family>{escape(person.family)}</family></name>
        <birthTime value="{person.birth_date.replace("-", "")}"/>
      </patient>
    </patientRole>
  </recordTarget>
  <component>
    <structuredBody>
      <component>
        <section>
          <templateId root="2.16.840.1.113883.10.20.22.2.5.1" extension="2015-08-01"/>
          <code code="11450-4" codeSystem="2.16.840.1.113883.6.1" displayName="Problem list"/>
          <title>Problems</title>
          <text>Essential hypertension, stable.</text>
        </section>
      </component>
    </structuredBody>
  </component>
</ClinicalDocument>
""".encode()


def _document(
    record: RecordBuilder,
    on: datetime.date,
    kind: tuple[str, str],
    attachment: Json,
    *,
    is_ccda: bool = False,
) -> Json:
    content: Json = {"attachment": attachment}
    if is_ccda:
        content["format"] = {"system": f"{TERMINOLOGY}/v3-HL7DocumentFormatCodes", "code": _CCDA_FORMAT}
    return {
        "identifier": [
            {"system": "https://sandbox.example/document", "value": f"D{record.random.randrange(10**8):08d}"}
        ],
        "status": "current",
        "type": concept(LOINC, *kind),
        "category": [concept(f"{US_CORE_CODES}/us-core-documentreference-category", "clinical-note")],
        "subject": ref(record.patient),
        "date": at(on, 20),
        "author": [ref(some_practitioner(record))],
        "custodian": ref(payer(record)),
        "content": [content],
    }


def _inline(content_type: str, content: bytes) -> Json:
    return {
        "contentType": content_type,
        "data": base64.b64encode(content).decode(),
        "size": len(content),
        "hash": _sha1(content),
    }


def _sha1(content: bytes) -> str:
    """Hash as FHIR's Attachment.hash asks for: SHA-1 in base64, which protects nothing."""
    return base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()
