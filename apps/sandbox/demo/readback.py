"""Read the delivered objects back with the customer's own credentials and check them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .customer import bucket_name, client, customer_credentials
from .developer import StoryFailed

TAGS = {
    "ApplicationId",
    "AuthorizationType",
    "ConsentId",
    "EndpointId",
    "PatientAuthorizationId",
    "PatientAuthorizationMode",
}


def read_back(deliveries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return [{bucket, key, bytes, resources, sha256}] of what is really there. Raises: StoryFailed."""
    s3, bucket = client("s3", customer_credentials()), bucket_name()
    delivered = []
    for delivery in deliveries:
        answer = s3.get_object(Bucket=bucket, Key=delivery["object_key"])
        body = answer["Body"].read()
        lines = body.splitlines()
        found = {
            "bucket": bucket,
            "key": delivery["object_key"],
            "bytes": len(body),
            "resources": len(lines),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        recorded = {name: delivery[name] for name in ("bytes", "resources", "sha256")}
        if recorded != {name: found[name] for name in recorded}:
            raise StoryFailed(f"{delivery['object_key']}: the object is not what was recorded.")
        if answer.get("ServerSideEncryption") != "AES256" or answer["ContentType"] != "application/fhir+ndjson":
            raise StoryFailed(f"{delivery['object_key']}: encryption or content type differ.")
        for line in lines:
            _check_line(line)
        delivered.append(found)
    return delivered


def _check_line(line: bytes) -> None:
    tags = {tag.get("system", "").rpartition("/")[2] for tag in json.loads(line)["meta"]["tag"]}
    if missing := TAGS - tags:
        raise StoryFailed(f"A delivered resource lacks the tag {sorted(missing)[0]}.")
