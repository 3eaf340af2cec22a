"""Code systems and the small vocabularies that the generated records draw on.

Owns codes and displays; holds no CPT. Source: LOINC, SNOMED CT, ICD-10-CM, RxNorm, CVX, NDC and HCPCS Level
II as named in US Core 6.1.0 and CARIN Blue Button 2.0.0.
"""

from __future__ import annotations

from dataclasses import dataclass

from apps.sandbox.payer.generator.json_text import Json, number

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"
NDC = "http://hl7.org/fhir/sid/ndc"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
NPI = "http://hl7.org/fhir/sid/us-npi"
NUCC = "http://nucc.org/provider-taxonomy"
UCUM = "http://unitsofmeasure.org"
POS = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
C4BB = "http://hl7.org/fhir/us/carin-bb/CodeSystem"
US_CORE_CODES = "http://hl7.org/fhir/us/core/CodeSystem"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
C4BB_PROFILE = "http://hl7.org/fhir/us/carin-bb/StructureDefinition"


def concept(system: str, code: str, display: str = "") -> Json:
    """Build a CodeableConcept of one coding."""
    coding: Json = {"system": system, "code": code}
    if display:
        coding["display"] = display
        return {"coding": [coding], "text": display}
    return {"coding": [coding]}


def category(system: str, code: str) -> list[Json]:
    """Build the list of one category that US Core asks for; `system` is below terminology.hl7.org."""
    return [{"coding": [{"system": f"{TERMINOLOGY}/{system}", "code": code}]}]


def quantity(text: str, unit: str) -> Json:
    """Build a UCUM Quantity whose value is written exactly as `text`."""
    return {"value": number(text), "unit": unit, "system": UCUM, "code": unit}


def money(cents: int) -> Json:
    """Build a Money of two decimals."""
    return {"value": number(f"{cents // 100}.{cents % 100:02d}"), "currency": "USD"}


@dataclass(frozen=True, slots=True)
class Measure:
    """A LOINC measurement; values lie between `low` and `high`, in steps of 1/`scale`."""

    code: str
    display: str
    unit: str
    low: int
    high: int
    digits: int


VITAL_SIGNS = (
    Measure("8867-4", "Heart rate", "/min", 54, 104, 0),
    Measure("9279-1", "Respiratory rate", "/min", 11, 21, 0),
    Measure("8310-5", "Body temperature", "Cel", 36, 38, 1),
    Measure("29463-7", "Body weight", "kg", 52, 108, 1),
    Measure("8302-2", "Body height", "cm", 150, 192, 1),
    Measure("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%", 93, 100, 0),
)
LABORATORY_PANELS: tuple[tuple[str, str, tuple[Measure, ...]], ...] = (
    ("24323-8", "Comprehensive metabolic 2000 panel - Serum or Plasma", (
        Measure("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", 70, 160, 0),
        Measure("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 0, 2, 2),
        Measure("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", 133, 146, 0),
        Measure("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 3, 6, 1),
        Measure("17861-6", "Calcium [Mass/volume] in Serum or Plasma", "mg/dL", 8, 11, 2),
    )),
    ("58410-2", "CBC panel - Blood by Automated count", (
        Measure("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 11, 17, 1),
        Measure("4544-3", "Hematocrit [Volume Fraction] of Blood by Automated count", "%", 35, 50, 1),
        Measure("777-3", "Platelets [#/volume] in Blood by Automated count", "10*3/uL", 150, 400, 0),
        Measure("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL", 4, 11, 2),
    )),
    ("57698-3", "Lipid panel with direct LDL - Serum or Plasma", (
        Measure("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", 130, 260, 0),
        Measure("2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "mg/dL", 60, 280, 0),
        Measure("2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL", 32, 80, 0),
    )),
)  # fmt: skip

# SNOMED CT code, ICD-10-CM code, words.
PROBLEMS = (
    ("38341003", "I10", "Essential hypertension"),
    ("44054006", "E11.9", "Type 2 diabetes mellitus without complications"),
    ("55822004", "E78.5", "Hyperlipidemia, unspecified"),
    ("195967001", "J45.909", "Asthma, uncomplicated"),
    ("396275006", "M19.90", "Osteoarthritis, unspecified site"),
    ("235595009", "K21.9", "Gastro-esophageal reflux disease without esophagitis"),
    ("40930008", "E03.9", "Hypothyroidism, unspecified"),
    ("37796009", "G43.909", "Migraine, not intractable"),
    ("279039007", "M54.50", "Low back pain, unspecified"),
    ("444814009", "J32.9", "Chronic sinusitis, unspecified"),
    ("271737000", "D64.9", "Anemia, unspecified"),
    ("49436004", "I48.91", "Unspecified atrial fibrillation"),
)
# RxNorm code, words, NDC, HL7 dose form.
DRUGS = (
    ("314076", "Lisinopril 10 MG Oral Tablet", "00000-3140-76", "TAB"),
    ("860975", "Metformin hydrochloride 500 MG Extended Release Oral Tablet", "00000-8609-75", "ERTAB"),
    ("617311", "Atorvastatin 40 MG Oral Tablet", "00000-6173-11", "TAB"),
    ("745679", "Albuterol 0.09 MG/ACTUAT Metered Dose Inhaler", "00000-7456-79", "AERMDI"),
    ("198051", "Omeprazole 20 MG Delayed Release Oral Capsule", "00000-1980-51", "CAPDEPEN"),
    ("966224", "Levothyroxine sodium 0.05 MG Oral Tablet", "00000-9662-24", "TAB"),
    ("313988", "Furosemide 40 MG Oral Tablet", "00000-3139-88", "TAB"),
    ("308136", "Amlodipine 2.5 MG Oral Tablet", "00000-3081-36", "TAB"),
)
# SNOMED CT code, HCPCS code, words.
PROCEDURES = (
    ("29303009", "G0403", "Electrocardiographic procedure"),
    ("73761001", "G0105", "Colonoscopy"),
    ("24623002", "G0202", "Screening mammography"),
    ("312681000", "G0130", "Bone density scan"),
    ("91251008", "G0283", "Physical therapy procedure"),
    ("710824005", "G0439", "Assessment of health and social care needs"),
)
VACCINES = (
    ("140", "Influenza, seasonal, injectable, preservative free"),
    ("115", "Tdap"),
    ("33", "pneumococcal polysaccharide PPV23"),
    ("187", "zoster recombinant"),
    ("300", "COVID-19, mRNA, LNP-S, bivalent, PF, 30 mcg/0.3 mL dose"),
)
ALLERGENS = (
    ("91936005", "Allergy to penicillin", "medication"),
    ("91935009", "Allergy to peanut", "food"),
    ("300916003", "Latex allergy", "environment"),
)
SERVICES = (
    ("G0439", "Annual wellness visit, subsequent", "11"),
    ("T1015", "Clinic visit, all-inclusive", "50"),
    ("G0008", "Administration of influenza virus vaccine", "11"),
    ("J3420", "Injection, vitamin B-12 cyanocobalamin", "11"),
    ("A4253", "Blood glucose test or reagent strips, per 50 strips", "12"),
    ("G0283", "Electrical stimulation, one or more areas", "22"),
)
