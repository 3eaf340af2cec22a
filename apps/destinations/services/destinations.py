"""Create, change, enable, pause and delete destinations. The external ID leaves in one return value, once."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Least
from django.utils import timezone

from apps.applications.keys import Mode
from apps.applications.models import Application
from apps.audit.events import Actor
from apps.audit.services import record_event
from apps.authorizations.models import PatientAuthorization
from apps.outbox.doorbell import Lane, wake
from apps.outbox.transitions import IllegalTransition, check_transition

from ..connectors.s3.config import account_of, clean_prefix, known_regions, validate
from ..models import Delivery, Destination, DestinationSecret
from ..options import DEFAULTS, check_options, with_needed
from ..selectors import CONFIG_FIELDS, place_of
from ..states import CLAIMABLE, DESTINATION_TRANSITIONS, UNDELIVERED, DeliveryKind, DeliveryState, DestinationState
from .telling import tell_live_change, tell_paused

# What a success, or being enabled again, sets a destination's health to.
HEALTHY: dict[str, object] = {
    "fail_streak": 0,
    "refused_streak": 0,
    "first_failure_at": None,
    "alerted_hours": 0,
    "open_until": None,
}


class InvalidDestination(Exception):
    """Fields that cannot stand. Shape of `errors`: {"bucket": ["what is wrong and the way out"]}."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(texts)}" for name, texts in errors.items()))
        self.errors = errors


class NotTested(Exception):
    def __init__(self) -> None:
        super().__init__(
            "Run Test connection first: enabling needs a passed test of the current settings, 24 hours old at most."
        )


@dataclass(frozen=True, slots=True)
class CreatedDestination:
    """A new destination and its external ID, for the one response that shows it."""

    destination: Destination
    external_id: str


@transaction.atomic
def create_destination(
    *, application: Application, mode: Mode, fields: Mapping[str, Any], by: Actor
) -> CreatedDestination:
    """Raises: InvalidDestination."""
    cleaned = check_fields(application, mode, with_needed(fields), None)
    destination = Destination.objects.create(application=application, mode=mode, **cleaned)
    external_id = str(uuid.uuid4())
    DestinationSecret.objects.create(destination=destination, external_id=external_id)
    _record("destination.created", destination, by, {"fields": sorted(cleaned)})
    tell_live_change(destination, "created", by)
    return CreatedDestination(destination, external_id)


@transaction.atomic
def update_destination(*, destination: Destination, fields: Mapping[str, Any], by: Actor) -> None:
    """Change what is given; what the connection depends on then needs a new test. Raises: InvalidDestination.

    A draft may still lack its role; it stops being one when it has its role and its external ID.
    """
    locked = lock_destination(destination)
    merged = {name: getattr(locked, name) for name in ("name", *CONFIG_FIELDS, *DEFAULTS)} | with_needed(fields)
    may_lack = ("role_arn",) if locked.state == DestinationState.DRAFT else ()
    cleaned = check_fields(locked.application, Mode(locked.mode), merged, locked, may_lack=may_lack)
    changed = sorted(name for name, value in cleaned.items() if getattr(locked, name) != value)
    if not changed:
        return
    for name in changed:
        setattr(locked, name, cleaned[name])
    locked.save(update_fields=changed)
    if set(changed) & set(CONFIG_FIELDS):
        _untest(locked)
    leave_draft(locked)
    _record("destination.changed", locked, by, {"fields": changed})
    if set(changed) & set(CONFIG_FIELDS):
        tell_live_change(locked, "repointed", by)


@transaction.atomic
def rotate_external_id(*, destination: Destination, by: Actor) -> str:
    """Make the first external ID, or a new one: the old one is never used again. The destination needs a new test."""
    locked = lock_destination(destination)
    external_id = str(uuid.uuid4())
    secret = {"external_id": external_id, "next_external_id": None}
    DestinationSecret.objects.update_or_create(destination=locked, defaults=secret)
    _untest(locked)
    leave_draft(locked)
    _record("destination.external_id_rotated", locked, by, {})
    tell_live_change(locked, "external_id_rotated", by)
    return external_id


@transaction.atomic
def enable_destination(*, destination: Destination, by: Actor, now: dt.datetime) -> None:
    """Raises: NotTested; IllegalTransition for a deleted destination. Held deliveries are released."""
    locked = lock_destination(destination)
    recent = locked.test_passed_at and locked.test_passed_at > now - dt.timedelta(seconds=settings.TEST_VALID_SECONDS)
    if locked.tested_version != locked.config_version or not recent:
        raise NotTested
    for name, value in HEALTHY.items():
        setattr(locked, name, value)
    _move(locked, DestinationState.ENABLED, fields=list(HEALTHY), paused_reason="")
    held = Delivery.objects.filter(destination=locked, state=DeliveryState.HELD)
    # The clock stood still while the row was held (rulings B3), but the purge does not wait (A7).
    later = F("give_up_at") + (now - F("held_at"))
    purge_at = PatientAuthorization.objects.filter(pk=OuterRef("authorization_id")).values("purge_at")[:1]
    released = {"state": DeliveryState.PENDING, "next_attempt_at": now, "held_at": None}
    held.filter(kind=DeliveryKind.TOMBSTONE).update(give_up_at=later, **released)
    held.update(give_up_at=Least(later, Subquery(purge_at)), **released)
    _record("destination.enabled", locked, by, {})
    tell_live_change(locked, "enabled", by)
    wake(Lane.DELIVER)


@transaction.atomic
def disable_destination(*, destination: Destination, by: Actor) -> None:
    """Raises: IllegalTransition unless it is enabled or paused."""
    locked = lock_destination(destination)
    if locked.state not in (DestinationState.ENABLED, DestinationState.PAUSED):
        raise IllegalTransition(locked.state, DestinationState.READY)
    if locked.test_passed_at and locked.tested_version == locked.config_version:
        _move(locked, DestinationState.READY, paused_reason="")
    else:
        _move(locked, DestinationState.UNTESTED, paused_reason="", tested_version=None)
    hold_deliveries(locked)
    _record("destination.disabled", locked, by, {})


def pause_destination(*, destination: Destination, reason: str, cause: str, code: str, by: Actor) -> None:
    """Stop claiming its deliveries, with a reason that people see. The caller holds the row's lock."""
    _move(destination, DestinationState.PAUSED, paused_reason=reason)
    hold_deliveries(destination)
    _record("destination.paused", destination, by, {})
    tell_paused(destination, cause, code, by)


@transaction.atomic
def delete_destination(*, destination: Destination, by: Actor, now: dt.datetime) -> None:
    """Destroy its secret, cancel what is pending, keep its history (rulings B15)."""
    locked = lock_destination(destination)
    _move(locked, DestinationState.DELETED, deleted_at=now, paused_reason="")
    DestinationSecret.objects.filter(destination=locked).delete()
    Delivery.objects.filter(destination=locked, state__in=UNDELIVERED).update(
        state=DeliveryState.CANCELLED,
        reason="destination_deleted",
        lease_token=None,
        lease_until=None,
        held_at=None,
    )
    _record("destination.deleted", locked, by, {})


def lock_destination(destination: Destination) -> Destination:
    return (
        Destination.objects.select_for_update(of=("self",), no_key=True)
        .select_related("application__workspace")
        .get(pk=destination.pk)
    )


def hold_deliveries(destination: Destination) -> None:
    Delivery.objects.filter(destination=destination, state__in=CLAIMABLE).update(
        state=DeliveryState.HELD, held_at=timezone.now()
    )


def withdraw_pass(locked: Destination) -> None:
    """Take back what an earlier test allowed. What is enabled stays so until it is paused or disabled."""
    locked.test_passed_at = None
    if locked.state == DestinationState.ENABLED:
        locked.save(update_fields=["test_passed_at"])
        return
    locked.tested_version = None
    fields = ["test_passed_at", "tested_version"]
    if locked.state == DestinationState.READY:
        _move(locked, DestinationState.UNTESTED, fields=fields)
    else:
        locked.save(update_fields=fields)


def leave_draft(locked: Destination) -> None:
    """Call a draft complete once it has its role and its external ID; the caller holds its lock."""
    has_secret = DestinationSecret.objects.filter(destination=locked).exists()
    if locked.state == DestinationState.DRAFT and locked.role_arn and has_secret:
        _move(locked, DestinationState.UNTESTED)


def _untest(locked: Destination) -> None:
    locked.config_version += 1
    locked.tested_version, locked.test_passed_at = None, None
    fields = ["config_version", "tested_version", "test_passed_at"]
    if locked.state not in (DestinationState.DRAFT, DestinationState.UNTESTED):
        _move(locked, DestinationState.UNTESTED, fields=fields, paused_reason="")
        hold_deliveries(locked)
    else:
        locked.save(update_fields=fields)


def _move(locked: Destination, state: DestinationState, fields: list[str] | None = None, **changes: object) -> None:
    check_transition(DESTINATION_TRANSITIONS, DestinationState(locked.state), state)
    changes["state"] = state.value
    for name, value in changes.items():
        setattr(locked, name, value)
    locked.save(update_fields=[*changes, *(fields or [])])


def check_fields(
    application: Application,
    mode: Mode,
    fields: Mapping[str, Any],
    current: Destination | None,
    *,
    may_lack: Collection[str] = (),
) -> dict[str, Any]:
    """Return the fields as they are kept; those of `may_lack` may be empty. Raises: InvalidDestination."""
    texts = {name: (fields.get(name) or "").strip() for name in ("name", *CONFIG_FIELDS)}
    texts["prefix"] = clean_prefix(texts["prefix"] or settings.KEY_PREFIX)
    errors = validate(
        {**texts, "external_id": fields.get("external_id") or ""},
        own_account_id=account_of(settings.DELIVERY_ROLE_ARN) if settings.DELIVERY_ROLE_ARN else None,
        own_account_role_arns=settings.OWN_ACCOUNT_ROLE_ARNS,
        regions=known_regions(),
        delivery_role_arn=settings.DELIVERY_ROLE_ARN or None,
    )
    if not texts["name"]:
        errors["name"] = ["Give the destination a name."]
    elif len(texts["name"]) > 100:
        errors["name"] = ["Use 100 characters at most."]
    others = Destination.objects.filter(application=application, mode=mode).exclude(state=DestinationState.DELETED)
    if current is not None:
        others = others.exclude(pk=current.pk)
    if others.filter(name=texts["name"]).exists():
        errors["name"] = ["Another destination of this application has that name. Choose another one."]
    if others.filter(bucket=texts["bucket"], prefix=texts["prefix"]).exists():
        errors.setdefault("prefix", []).append(
            "Another destination of this application writes to this bucket with this prefix: both would claim the "
            "same object keys. Choose another prefix."
        )
    options, wrong = check_options(fields)
    errors = {name: found for name, found in errors.items() if texts.get(name) or name not in may_lack} | wrong
    if errors:
        raise InvalidDestination(errors)
    return {**texts, **options}


def _record(action: str, destination: Destination, by: Actor, detail: dict[str, object]) -> None:
    record_event(
        action=action,
        by=by,
        place=place_of(destination),
        target_type="destination",
        target_id=destination.pk,
        detail=detail,
    )
