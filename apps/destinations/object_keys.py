"""The name that a delivery's object gets in the customer's storage.

Owns the fixed layout and its escaping; refuses names that storage cannot hold. The key is computed once,
when the delivery is scheduled, so every attempt meets its own object.
Source: destinations seed "Object key layout"; wire contract section 7 and C28.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID

MAX_KEY_BYTES = 1024
ABSENT = "_"
# `quote` leaves A-Z a-z 0-9 _ . - ~ alone; these whole values would mean something else, so they are escaped.
_RESERVED = {".": "%2E", "..": "%2E%2E", ABSENT: "%5F"}


def object_key(
    *,
    prefix: str,
    external_id: str | None,
    consent_id: str | UUID,
    authorization_id: str | UUID,
    sync_job_id: str | UUID,
    timestamp: datetime,
) -> str:
    """Build the object key of one delivery. An empty external ID counts as absent.

    Shape: "{prefix}{externalId}/{consentId}/{patientAuthorizationId}/{timestamp}-{syncJobId}.ndjson"
    Raises: ValueError naming the field, for a prefix without its final slash, a required id that is empty,
        a timestamp without a time zone and a key of more than 1024 bytes.
    """
    if prefix and (not prefix.endswith("/") or prefix.startswith("/")):
        raise ValueError("prefix must end with / and not start with it")
    fields = {
        "external_id": _segment("external_id", external_id) if external_id else ABSENT,
        "consent_id": _segment("consent_id", str(consent_id)),
        "authorization_id": _segment("authorization_id", str(authorization_id)),
        "sync_job_id": _segment("sync_job_id", str(sync_job_id)),
    }
    key = (
        f"{prefix}{fields['external_id']}/{fields['consent_id']}/{fields['authorization_id']}/"
        f"{key_timestamp(timestamp)}-{fields['sync_job_id']}.ndjson"
    )
    size_bytes = len(key.encode())
    if size_bytes > MAX_KEY_BYTES:
        fields["prefix"] = prefix
        longest = max(fields, key=lambda name: len(fields[name]))
        raise ValueError(f"{longest} is too long: the object key has {size_bytes} bytes, the limit is {MAX_KEY_BYTES}")
    return key


def key_timestamp(instant: datetime) -> str:
    """Write an instant as UTC with milliseconds, safe in a key.

    Shape: "2026-11-21T01-10-17-123Z"
    """
    if instant.tzinfo is None:
        raise ValueError("timestamp needs a time zone")
    text = instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return text.replace(":", "-").replace(".", "-") + "Z"


def _segment(field: str, value: str) -> str:
    if not value:
        raise ValueError(f"{field} is empty")
    try:
        return _RESERVED.get(value) or quote(value, safe="")
    except UnicodeEncodeError:
        raise ValueError(f"{field} is not valid Unicode text") from None
