"""System checks of the encryption keys: missing or short is an error, easy to guess a warning.

Refuses to repeat a key; it is named by its place in the list.
"""

import math
from collections import Counter
from typing import Any

from django.conf import settings
from django.core import checks

from apps.encryption.envelope import Keyring

# Sixteen random bytes in hexadecimal, the weakest good key, measure 116 as a rule and above 90 nearly always.
LEAST_BITS = 85

HINT = (
    "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'. "
    "Put a new key first and keep the old ones behind it."
)


@checks.register(checks.Tags.security)
def check_encryption_keys(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Check FIELD_ENCRYPTION_KEYS."""
    keys: list[str] = list(settings.FIELD_ENCRYPTION_KEYS)
    try:
        Keyring(keys)
    except ValueError as error:
        return [checks.Error(f"FIELD_ENCRYPTION_KEYS: {error}", hint=HINT, id="encryption.E001")]
    return [
        checks.Warning(
            f"FIELD_ENCRYPTION_KEYS: Encryption key {number} looks easy to guess.",
            hint=HINT,
            id="encryption.W001",
        )
        for number, key in enumerate(keys, start=1)
        if looks_guessable(key)
    ]


def looks_guessable(key: str) -> bool:
    """Say whether a key is too uniform to be random: few different characters, or one piece over and over.

    A phrase of ordinary words passes: only a generator makes a good key.
    """
    counts = Counter(key)
    bits = -sum(count * math.log2(count / len(key)) for count in counts.values())
    return bits < LEAST_BITS or key in (key + key)[1:-1]
