"""Reads of applications and keys."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.db.models import Q

from apps.encryption.fields import keyring

from .keys import KeyKind, Mode, lookup_prefix, parse_key
from .models import ApiKey

DIGEST_PURPOSE = "applications_apikeydigest.digest"


def find_api_key(value: str, *, now: dt.datetime) -> ApiKey | None:
    """Return the running key with this text, or None. Compared in constant time."""
    if parse_key(value) is None:
        return None
    candidates = (
        ApiKey.objects.filter(prefix=lookup_prefix(value))
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
        .select_related("digest", "application__workspace")
    )
    for key in candidates:
        digest = bytes(key.digest.digest)
        if keyring().matches(value, key_id=key.digest.key_id, digest=digest, purpose=DIGEST_PURPOSE):
            return key
    return None


def find_publishable_key(value: str, *, now: dt.datetime) -> ApiKey | None:
    """Return the publishable key (an OAuth client_id) with this text."""
    key = find_api_key(value, now=now)
    return key if key is not None and key.kind == KeyKind.PUBLISHABLE else None


def find_client(*, client_id: str, secret: str, now: dt.datetime) -> ApiKey | None:
    """Return the secret key of a matching pair: same application, same mode; None for any mismatch."""
    public, private = find_publishable_key(client_id, now=now), find_api_key(secret, now=now)
    if public is None or private is None or private.kind != KeyKind.SECRET:
        return None
    same = public.application_id == private.application_id and public.mode == private.mode
    return private if same else None


def list_running_keys(application_id: UUID, mode: Mode, *, now: dt.datetime) -> list[ApiKey]:
    return list(
        ApiKey.objects.filter(application=application_id, mode=mode)
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
        .order_by("created_at", "id")
    )
