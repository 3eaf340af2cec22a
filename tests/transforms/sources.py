"""One source for the transform tests, with the values of the documented samples."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

from apps.transforms.identifiers import destination_patient_id
from apps.transforms.pipeline import SourceContext, Transformed, transform

BASE = "https://api.payer.com/fhir"
NAMESPACE = UUID("9b0ce0a4-3f0c-5e63-9d8c-0a4b1f6f2d11")
TAG_BASE = "https://fhir.flexpa.com/identifiers/"
ENDPOINT_ID = "a5c22966-244d-4f36-b43a-4d4a619f89cc"
APPLICATION_ID = "062ca646-8d42-4753-9cd1-b39b234dd559"
CONTEXT = SourceContext(
    application_id=APPLICATION_ID,
    mode="TEST",
    endpoint_id=ENDPOINT_ID,
    endpoint_name="flexpa-sandbox",
    fhir_base=BASE,
    authorization_id="8a350181-3115-49d7-a6aa-8e05b1cab08a",
    consent_id="7a10c8ab-35ad-4a24-9c0c-58f1f2b5b4de",
    authorization_type="OAUTH",
    patient_id=destination_patient_id(
        namespace=NAMESPACE,
        application_id=APPLICATION_ID,
        mode="TEST",
        endpoint_id=ENDPOINT_ID,
        source_patient_id="98765",
    ),
    source_patient_id="98765",
    tag_base=TAG_BASE,
)
OTHER_AUTHORIZATION = replace(CONTEXT, authorization_id="another", consent_id="another")


def transformed(resource: dict[str, Any], **options: Any) -> Transformed:
    return transform(json.dumps(resource).encode(), context=CONTEXT, **options)


def line_of(resource: dict[str, Any], **options: Any) -> Any:
    return json.loads(transformed(resource, **options).line)
