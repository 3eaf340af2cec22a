"""Reads of applications and keys."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.db.models import Q

from apps.encryption.fields import keyring

from .keys import FORMS, KeyKind, Mode, lookup_prefix, parse_key
from .models import ApiKey

DIGEST_PURPOSE = "applications_apikeydigest.digest"
# Older than any key: a look-up at this instant finds ended keys too, so that a refusal can say "ended".
BEFORE_ALL_KEYS = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


class KeyRefused(Exception):
    """Not the key that is needed. The message says what was sent and what to send, never a key's text."""


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


def check_api_key(value: str, *, needed: KeyKind, name: str, now: dt.datetime) -> ApiKey:
    """Return the running key of the kind `needed` with this text; messages call the field `name`.

    Raises: KeyRefused.
    """
    parsed = parse_key(value)
    if not value:
        raise KeyRefused(f"{name} is missing: send a {needed} key ({FORMS[needed]}).")
    if parsed is None:
        raise KeyRefused(f"{name} must be a {needed} key ({FORMS[needed]}); this is no key. Copy it whole.")
    kind, mode = parsed
    if kind != needed:
        secrecy = "" if kind == KeyKind.PUBLISHABLE else " Keep that one on your server; if it got out, roll it."
        raise KeyRefused(f"{name} must be a {needed} key ({FORMS[needed]}); this is a {kind} key.{secrecy}")
    key = find_api_key(value, now=BEFORE_ALL_KEYS)
    if key is None:
        raise KeyRefused(f"{name}: no {mode} {kind} key here has this text. Compare it with API keys in the portal.")
    if key.expires_at is not None and key.expires_at <= now:
        ended = key.expires_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        raise KeyRefused(f"{name}: this {mode} {kind} key ended at {ended}. Use its successor, or create a key.")
    return key


def check_client(*, client_id: str, secret: str, now: dt.datetime) -> tuple[ApiKey, ApiKey]:
    """Return (publishable, secret) of one application and one mode. Raises: KeyRefused."""
    public = check_api_key(client_id, needed=KeyKind.PUBLISHABLE, name="client_id", now=now)
    private = check_api_key(secret, needed=KeyKind.SECRET, name="client_secret", now=now)
    if public.application_id != private.application_id:
        raise KeyRefused("client_id and client_secret are keys of two applications: send two of one.")
    if public.mode != private.mode:
        raise KeyRefused(
            f"client_id is a {public.mode} key and client_secret a {private.mode} key: send two of one mode."
        )
    return public, private


def list_running_keys(application_id: UUID, mode: Mode, *, now: dt.datetime) -> list[ApiKey]:
    return list(
        ApiKey.objects.filter(application=application_id, mode=mode)
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
        .order_by("created_at", "id")
    )
