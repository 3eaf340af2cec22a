"""External ids that name a person. They stand in object keys, so in the logs of whoever owns the bucket (rulings B34).

Refuses nothing: test mode says it on the page, and the log names the id by its keyed hash only.
"""

from __future__ import annotations

import re

from apps.encryption.fields import keyring

PURPOSE = "consent_pages.external_id_in_logs"
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+")
SSN = re.compile(r"\d{3}([- ]?)\d{2}\1\d{4}", re.ASCII)


def named_person(external_id: str) -> str:
    """Return what the id looks like if it may name a person: "an e-mail address", "a Social Security number"."""
    if EMAIL.fullmatch(external_id.strip()):
        return "an e-mail address"
    if SSN.fullmatch(external_id.strip()):
        return "a Social Security number"
    return ""


def hash_for_logs(external_id: str) -> str:
    """Return a short keyed hash: equal ids are equal in the log, and nobody can try addresses against it."""
    _, digest = keyring().digest(external_id, purpose=PURPOSE)
    return digest.hex()[:16]
