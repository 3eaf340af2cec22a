"""Issue, roll and end API keys. The text of a key leaves this module once, in `IssuedKey`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from apps.audit.events import Actor, Place
from apps.audit.services import record_event
from apps.encryption.fields import keyring
from apps.mails.composing import Value
from apps.mails.kinds import MailKind
from apps.mails.places import mail_place
from apps.mails.services import mail_owners_and_admins

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
    """One overlap at a time: neither the old key nor its successor is rolled while both work."""

    def __init__(self, old: ApiKey) -> None:
        ends = f"{old.expires_at:%d %b %H:%M} UTC" if old.expires_at else "its end"
        super().__init__(f"{old} is being replaced already and works until {ends}. End it before rolling again.")


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key and its text, for the one response that shows it."""

    api_key: ApiKey
    value: str


@transaction.atomic
def issue_api_key(*, application: Application, mode: Mode, kind: KeyKind, by: Actor, note: str = "") -> IssuedKey:
    """Raises: LiveAccessMissing for live keys before staff granted live access."""
    issued = _issue(application=application, mode=mode, kind=kind, by=by, note=note)
    if kind == KeyKind.MANAGEMENT:
        _tell(MailKind.MANAGEMENT_KEY_ISSUED, issued.api_key, by)
    elif kind == KeyKind.SECRET:  # a publishable key opens nothing
        _tell(MailKind.KEY_ISSUED, issued.api_key, by, key_kind=kind.value)
    return issued


def _issue(*, application: Application, mode: Mode, kind: KeyKind, by: Actor, note: str) -> IssuedKey:
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
    rows = ApiKey.objects.select_for_update(of=("self",)).select_related("application__workspace")
    old = rows.get(pk=api_key.pk)
    _check_no_overlap(old, now)
    issued = _issue(application=old.application, mode=Mode(old.mode), kind=KeyKind(old.kind), by=by, note=old.note)
    old.replaced_by = issued.api_key
    old.expires_at = now + dt.timedelta(seconds=overlap_seconds)
    old.save(update_fields=["replaced_by", "expires_at"])
    _record("api_key.rolled", old, by, {"overlap_seconds": overlap_seconds, "new": str(issued.api_key.pk)})
    ends_at = old.expires_at if overlap_seconds else None
    _tell(MailKind.KEY_ROLLED, old, by, key_kind=old.kind, new_key=str(issued.api_key), ends_at=ends_at)
    return issued


def _check_no_overlap(old: ApiKey, now: dt.datetime) -> None:
    """Raises: KeyEnded, RollInProgress."""
    if old.expires_at is not None and old.expires_at <= now:
        raise KeyEnded
    if old.replaced_by_id is not None:
        raise RollInProgress(old)
    before = ApiKey.objects.filter(replaced_by=old.pk, expires_at__gt=now).first()
    if before is not None:
        raise RollInProgress(before)


@transaction.atomic
def end_api_key(*, api_key: ApiKey, by: Actor, now: dt.datetime) -> None:
    """End a key now; ending an ended key changes nothing."""
    running = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    if ApiKey.objects.filter(running, pk=api_key.pk).update(expires_at=now):
        _record("api_key.ended", api_key, by, {})
        _tell(MailKind.KEY_ENDED, api_key, by, key_kind=api_key.kind)


@transaction.atomic
def note_api_key(*, api_key: ApiKey, note: str, by: Actor) -> None:
    """Say where a key is stored."""
    if ApiKey.objects.filter(pk=api_key.pk).exclude(note=note).update(note=note):
        _record("api_key.noted", api_key, by, {"fields": ["note"]})


def note_key_use(*, api_key: ApiKey, ip: str, now: dt.datetime) -> None:
    """Keep when and from where a key was used; of a publishable key not from where, for that is a patient's device."""
    if api_key.kind == KeyKind.PUBLISHABLE:
        ip = ""
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_RESOLUTION)
    ApiKey.objects.filter(stale, pk=api_key.pk).update(last_used_at=now, last_used_ip=ip)


def _tell(kind: MailKind, key: ApiKey, by: Actor, **context: Value) -> None:
    application = key.application
    place = mail_place(application.workspace, application, key.mode)
    mail_owners_and_admins(kind=kind, context={"key": str(key), **context}, place=place, by=by)


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
