"""System checks of the keys."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from .envelope import SHORTEST_SECRET

FEWEST_SIGNS = 12


@register(Tags.security)
def check_field_encryption_keys(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    keys = settings.FIELD_ENCRYPTION_KEYS
    if not keys or any(len(key) < SHORTEST_SECRET for key in keys):
        return [
            Error(
                "FIELD_ENCRYPTION_KEYS needs at least one key, each of 32 characters or more.",
                hint="Make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'. Newest first.",
                id="encryption.E001",
            )
        ]
    if any(len(set(key)) < FEWEST_SIGNS for key in keys):
        return [
            Warning(
                "A key of FIELD_ENCRYPTION_KEYS looks as if somebody had typed it.",
                hint="Use secrets.token_urlsafe(48).",
                id="encryption.W001",
            )
        ]
    return []
