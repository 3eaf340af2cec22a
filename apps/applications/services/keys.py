"""Issue, roll and end API keys. The text of a key leaves this module once, in `IssuedKey`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from apps.audit.events import Actor, Place
from apps.audit.services import record_event
from apps.encryption.fields import keyring

from ..keys import SCOPES, KeyKind, Mode, lookup_prefix, new_key
from ..models import ApiKey, ApiKeyDigest, Application
from ..selectors import DIGEST_PURPOSE

# "Last used" is kept to the minute: a busy key does not write a row per request.
USE_RESOLUTION = dt.timedelta(minutes=1)


class LiveAccessMissing(Exception):
    def __init__(self) -> None:
        super().__init__("Live keys need live access. Ask for it under Settings; support staff grant it.")


class KeyEnded(Exception):
    def __init__(self) -> None:
        super().__init__("This key has ended. Create a new one.")


class RollInProgress(Exception):
    def __init__(self) -> None:
        super().__init__("This key is being replaced already. End the old one before rolling again.")


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key and its text, for the one response that shows it."""

    api_key: ApiKey
    value: str


@transaction.atomic
def issue_api_key(*, application: Application, mode: Mode, kind: KeyKind, by: Actor, note: str = "") -> IssuedKey:
    """Raises: LiveAccessMissing for live keys before staff granted live access."""
    if mode == Mode.LIVE and not application.has_live_access:
        raise LiveAccessMissing
    value = new_key(kind, mode)
    key = ApiKey.objects.create(
        application=application,
        mode=mode,
        kind=kind,
        public_value=value if kind == KeyKind.PUBLISHABLE else "",
        prefix=lookup_prefix(value),
        last_four=value[-4:],
        scopes=[scope.value for scope in SCOPES[kind]],
        note=note,
        created_by=by.label,
    )
    key_id, digest = keyring().digest(value, purpose=DIGEST_PURPOSE)
    ApiKeyDigest.objects.create(api_key=key, key_id=key_id, digest=digest)
    _record("api_key.created", key, by, {"kind": kind.value})
    return IssuedKey(key, value)


@transaction.atomic
def roll_api_key(*, api_key: ApiKey, overlap_seconds: int, by: Actor, now: dt.datetime) -> IssuedKey:
    """Issue the successor; the old key works on for `overlap_seconds`. Raises: KeyEnded, RollInProgress."""
    old = ApiKey.objects.select_for_update().select_related("application").get(pk=api_key.pk)
    if old.replaced_by_id is not None and old.expires_at is not None and old.expires_at > now:
        raise RollInProgress
    if old.expires_at is not None and old.expires_at <= now:
        raise KeyEnded
    issued = issue_api_key(
        application=old.application, mode=Mode(old.mode), kind=KeyKind(old.kind), by=by, note=old.note
    )
    old.replaced_by = issued.api_key
    old.expires_at = now + dt.timedelta(seconds=overlap_seconds)
    old.save(update_fields=["replaced_by", "expires_at"])
    _record("api_key.rolled", old, by, {"overlap_seconds": overlap_seconds, "new": str(issued.api_key.pk)})
    return issued


@transaction.atomic
def end_api_key(*, api_key: ApiKey, by: Actor, now: dt.datetime) -> None:
    """End a key now; ending an ended key changes nothing."""
    running = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    if ApiKey.objects.filter(running, pk=api_key.pk).update(expires_at=now):
        _record("api_key.ended", api_key, by, {})


def note_key_use(*, api_key: ApiKey, ip: str, now: dt.datetime) -> None:
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_RESOLUTION)
    ApiKey.objects.filter(stale, pk=api_key.pk).update(last_used_at=now, last_used_ip=ip)


def _record(action: str, key: ApiKey, by: Actor, detail: dict[str, object]) -> None:
    record_event(
        action=action,
        by=by,
        place=Place(
            workspace_id=str(key.application.workspace_id), application_id=str(key.application_id), mode=key.mode
        ),
        target_type="api_key",
        target_id=key.pk,
        detail=detail,
    )
