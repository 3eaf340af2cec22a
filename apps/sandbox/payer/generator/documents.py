"""DocumentReference and Binary: notes, and C-CDA documents inline or linked. Source: US Core DocumentReference."""

from __future__ import annotations

import base64
import datetime
import hashlib

from apps.sandbox.payer.generator.ccda import continuity_of_care_document
from apps.sandbox.payer.generator.codes import LOINC, TERMINOLOGY, US_CORE_CODES, concept
from apps.sandbox.payer.generator.directory import payer, some_practitioner
from apps.sandbox.payer.generator.json_text import Json
from apps.sandbox.payer.generator.record import RecordBuilder, at, ref

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
    document = continuity_of_care_document(record.member, on)
    body = _document(record, on, _CONTINUITY_OF_CARE, _inline("application/xml", document), is_ccda=True)
    return record.add("DocumentReference", body, on=on, id_=f"{record.member.patient_id}-ccda-inline")


def add_linked_ccda(record: RecordBuilder, on: datetime.date) -> str:
    """Add a C-CDA document whose bytes are in a Binary that the attachment's url names."""
    document = continuity_of_care_document(record.member, on)
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
