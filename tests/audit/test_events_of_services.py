"""Every service writes its event in its own transaction: break the insert, and the change is gone."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.apps import apps as django_apps
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.applications import services as applications
from apps.applications.keys import KeyKind, Mode
from apps.applications.models import SyncFrequency
from apps.audit.events import Actor, ActorKind
from apps.audit.models import AuditEvent
from apps.authorizations import services as authorizations
from apps.authorizations.models import Consent, ConsentText
from apps.authorizations.services.states import lock_authorization
from apps.authorizations.states import AuthorizationState, Usage
from apps.destinations import services as destinations
from apps.destinations.models import Destination
from apps.syncs.services import request_sync, revoke_and_expunge
from apps.syncs.states import SyncCause
from apps.workspaces import services as workspaces
from apps.workspaces.models import Membership, Role
from tests.factories import World, make_user

pytestmark = pytest.mark.django_db
BY = Actor(kind=ActorKind.PERSON, id="p-1", label="owner@acme.example", ip="192.0.2.7", request_id="req-1")
WATCHED = ("workspaces", "applications", "destinations", "authorizations", "syncs", "records")


@dataclass
class Case:
    """One call of one service: what must be there before, and the actions that it writes."""

    call: Callable[[World, dict[str, Any]], object]
    actions: list[str]
    prepare: Callable[[World], dict[str, Any]] = field(default=lambda world: {})
    changes_rows: bool = True


def now() -> dt.datetime:
    return timezone.now()


def member(world: World, role: Role) -> Membership:
    return Membership.objects.get(workspace=world.workspace, role=role)


def to_state(destination: Destination, *states: str) -> None:
    for state in states:
        Destination.objects.filter(pk=destination.pk).update(state=state)
    destination.refresh_from_db()


def opened(world: World, **more: Any) -> dict[str, Any]:
    request = authorizations.AuthorizationRequest(
        application=world.application, mode="test", flow=Consent.Flow.LINK, external_id="u", usage=Usage.ONE_TIME
    )
    return {"consent": authorizations.open_consent(request=request, by=BY, now=now()), **more}


def text() -> ConsentText:
    return ConsentText.objects.get_or_create(version="1", locale="en", defaults={"body": "…"})[0]


def exchanged(world: World) -> dict[str, Any]:
    consent = world.test.authorization.consent
    return {"issued": authorizations.issue_tokens(consent=consent, by=BY, now=now())}


def with_factor(world: World) -> dict[str, Any]:
    TOTP.activate(world.people[Role.OWNER], generate_totp_secret())
    return {}


def ruled(world: World) -> dict[str, Any]:
    with_factor(world)
    workspaces.require_second_factor(workspace=world.workspace, person=world.people[Role.OWNER], by=BY)
    return {}


def enabled(world: World) -> dict[str, Any]:
    to_state(world.test.destination, "READY", "ENABLED")
    return {}


def exchange_locked(world: World) -> None:
    """`move_authorization` takes a locked row, so its caller has a transaction open."""
    with transaction.atomic():
        locked = lock_authorization(world.test.authorization)
        authorizations.move_authorization(locked, AuthorizationState.EXCHANGED, by=BY, now=now())


FIELDS = {"name": "Lake 2", "bucket": "lake-2", "region": "us-east-1", "role_arn": "arn:aws:iam::222222222222:role/w"}
CASES: dict[str, Case] = {
    "create_workspace": Case(
        lambda w, _: workspaces.create_workspace(name="New", slug="new", owner=w.people[Role.OWNER], by=BY),
        ["workspace.created"],
    ),
    "add_member": Case(
        lambda w, a: workspaces.add_member(workspace=w.workspace, user=a["user"], role=Role.VIEWER, by=BY),
        ["membership.added"],
        lambda w: {"user": make_user("new@acme.example")},
    ),
    "change_role": Case(
        lambda w, _: workspaces.change_role(membership=member(w, Role.VIEWER), role=Role.ADMIN, by=BY),
        ["membership.role_changed"],
    ),
    "remove_member": Case(
        lambda w, _: workspaces.remove_member(membership=member(w, Role.VIEWER), by=BY), ["membership.removed"]
    ),
    "rename_workspace": Case(
        lambda w, _: workspaces.rename_workspace(workspace=w.workspace, name="Other", by=BY), ["workspace.renamed"]
    ),
    "require_second_factor": Case(
        lambda w, _: workspaces.require_second_factor(
            workspace=w.workspace, person=w.people[Role.OWNER], by=BY
        ),
        ["workspace.second_factor_required"],
        with_factor,
    ),
    "stop_requiring_second_factor": Case(
        lambda w, _: workspaces.stop_requiring_second_factor(workspace=w.workspace, by=BY),
        ["workspace.second_factor_not_required"],
        ruled,
    ),
    "invite_member": Case(
        lambda w, _: workspaces.invite_member(
            workspace=w.workspace, email="new@acme.example", role=Role.VIEWER, by=BY, now=now()
        ),
        ["invitation.sent"],
    ),
    "resend_invitation": Case(
        lambda w, _: workspaces.resend_invitation(
            invitation=w.workspace.invitations.get(), by=BY, now=now() + dt.timedelta(hours=1)
        ),
        ["invitation.resent"],
    ),
    "withdraw_invitation": Case(
        lambda w, _: workspaces.withdraw_invitation(invitation=w.workspace.invitations.get(), by=BY, now=now()),
        ["invitation.withdrawn"],
    ),
    "accept_invitation": Case(
        lambda w, a: workspaces.accept_invitation(
            invitation=w.workspace.invitations.get(), user=a["user"], by=BY, now=now()
        ),
        ["membership.added", "invitation.accepted"],
        lambda w: {"user": make_user("invited@acme.example")},
    ),
    "note_api_key": Case(
        lambda w, _: applications.note_api_key(api_key=w.test.key, note="Vault", by=BY), ["api_key.noted"]
    ),
    "create_application": Case(
        lambda w, _: applications.create_application(workspace=w.workspace, name="B", slug="b", by=BY),
        ["application.created", "api_key.created"],
    ),
    "update_application": Case(
        lambda w, _: applications.update_application(
            application=w.application, name="Other", sync_frequency=SyncFrequency.WEEKLY, by=BY
        ),
        ["application.changed"],
    ),
    "add_redirect_uri": Case(
        lambda w, _: applications.add_redirect_uri(
            application=w.application, mode=Mode.LIVE, uri="https://new.example/", by=BY
        ),
        ["redirect_uri.added"],
    ),
    "add_allowed_origin": Case(
        lambda w, _: applications.add_allowed_origin(
            application=w.application, mode=Mode.TEST, origin="https://new.example", by=BY
        ),
        ["allowed_origin.added"],
    ),
    "remove_allowed_origin": Case(
        lambda w, _: applications.remove_allowed_origin(allowed_origin=w.test.allowed_origin, by=BY),
        ["allowed_origin.removed"],
    ),
    "register_client": Case(
        lambda w, _: applications.register_client(
            application=w.application, mode=Mode.TEST, redirect_uris=["https://new.example/callback"], name="Agent",
            is_confidential=True, by=BY,
        ),
        ["redirect_uri.added", "api_key.created", "api_key.created"],
    ),
    "end_reused_code": Case(
        lambda w, _: authorizations.end_reused_code(consent=w.test.authorization.consent, by=BY, now=now()),
        ["code.reused"],
        exchanged,
    ),
    "remove_redirect_uri": Case(
        lambda w, _: applications.remove_redirect_uri(redirect_uri=w.test.redirect_uri, by=BY),
        ["redirect_uri.removed"],
    ),
    "issue_api_key": Case(
        lambda w, _: applications.issue_api_key(
            application=w.application, mode=Mode.LIVE, kind=KeyKind.SECRET, by=BY
        ),
        ["api_key.created"],
    ),
    "roll_api_key": Case(
        lambda w, _: applications.roll_api_key(api_key=w.test.key, overlap_seconds=60, by=BY, now=now()),
        ["api_key.created", "api_key.rolled"],
    ),
    "end_api_key": Case(
        lambda w, _: applications.end_api_key(api_key=w.test.key, by=BY, now=now()), ["api_key.ended"]
    ),
    "request_live_access": Case(
        lambda w, a: applications.request_live_access(application=a["application"], purpose="Care.", by=BY),
        ["live_access.requested"],
        lambda w: {
            "application": applications.create_application(workspace=w.workspace, name="B", slug="b", by=BY)
        },
    ),
    "grant live access": Case(
        lambda w, _: applications.decide_live_access(
            request=w.open_request, granted=True, notes="", by=BY, now=now()
        ),
        ["live_access.granted"],
    ),
    "refuse live access": Case(
        lambda w, _: applications.decide_live_access(
            request=w.open_request, granted=False, notes="", by=BY, now=now()
        ),
        ["live_access.refused"],
    ),
    "create_destination": Case(
        lambda w, _: destinations.create_destination(
            application=w.application, mode=Mode.TEST, fields=FIELDS, by=BY
        ),
        ["destination.created"],
    ),
    "update_destination": Case(
        lambda w, _: destinations.update_destination(
            destination=w.test.destination, fields={"bucket": "lake-3"}, by=BY
        ),
        ["destination.changed"],
    ),
    "rotate_external_id": Case(
        lambda w, _: destinations.rotate_external_id(destination=w.test.destination, by=BY),
        ["destination.external_id_rotated"],
    ),
    "disable_destination": Case(
        lambda w, _: destinations.disable_destination(destination=w.test.destination, by=BY),
        ["destination.disabled"],
        enabled,
    ),
    "delete_destination": Case(
        lambda w, _: destinations.delete_destination(destination=w.test.destination, by=BY, now=now()),
        ["destination.deleted"],
    ),
    "open_consent": Case(lambda w, _: opened(w), ["consent.opened"]),
    "choose_endpoint": Case(
        lambda w, a: authorizations.choose_endpoint(
            consent=a["consent"], endpoint=w.test.endpoint, by=BY, now=now()
        ),
        ["authorization.created"],
        opened,
    ),
    "agree": Case(
        lambda w, a: authorizations.agree(consent=a["consent"], text=text(), shared_kinds=[], by=BY, now=now()),
        ["consent.agreed"],
        lambda w: (text(), opened(w))[1],
    ),
    "refuse": Case(
        lambda w, a: authorizations.refuse(consent=a["consent"], by=BY, now=now()), ["consent.refused"], opened
    ),
    "move_authorization": Case(
        lambda w, _: exchange_locked(w),
        ["authorization.exchanged"],
    ),
    "retry_delivery": Case(
        lambda w, _: destinations.retry_delivery(delivery=w.test.delivery, by=BY, now=now()),
        ["delivery.retried"],
        enabled,
    ),
    "backfill_destination": Case(
        lambda w, _: destinations.backfill_destination(destination=w.test.destination, by=BY, now=now()),
        ["destination.backfilled"],
        enabled,
    ),
    "issue_tokens": Case(
        lambda w, _: authorizations.issue_tokens(consent=w.test.authorization.consent, by=BY, now=now()),
        ["authorization.exchanged", "token.issued"],
    ),
    "redeem_refresh_token": Case(
        lambda w, a: authorizations.redeem_refresh_token(
            value=a["issued"].refresh_token, client=w.test.key, by=BY, now=now()
        ),
        ["authorization.refreshed", "token.issued"],
        exchanged,
    ),
    "issue_application_token": Case(
        lambda w, _: authorizations.issue_application_token(client=w.live.key, by=BY, now=now()),
        ["token.issued"],
        lambda w: {"key": authorizations.rotate_signing_key(now=now())},
    ),
    "request_sync": Case(
        lambda w, _: request_sync(authorization=w.test.authorization, cause=SyncCause.MANUAL, by=BY, now=now()),
        ["sync.requested"],
    ),
    "revoke_and_expunge": Case(
        lambda w, _: revoke_and_expunge(authorization=w.test.authorization, by=BY, now=now()),
        ["authorization.revoked", "authorization.purged"],
    ),
}  # fmt: skip


def everything() -> dict[str, list[str]]:
    """Every row of the subjects' tables, as text."""
    found = {}
    for label in WATCHED:
        for model in django_apps.get_app_config(label).get_models():
            rows = model._default_manager.order_by("pk").values_list()
            plain = [[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in rows]
            found[model._meta.label] = [repr(row) for row in plain]
    return found


@pytest.fixture
def world(acme: World) -> World:
    return acme


@pytest.mark.parametrize("name", CASES)
def test_service_writes_its_events_and_nothing_without_them(world: World, name: str) -> None:
    case = CASES[name]
    arguments = case.prepare(world)
    before, last = everything(), AuditEvent.objects.latest("id").pk
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent ADD CONSTRAINT broken CHECK (false) NOT VALID")
    with pytest.raises(IntegrityError, match="broken"):
        case.call(world, arguments)
    assert everything() == before
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DROP CONSTRAINT broken")
    case.call(world, arguments)
    events = list(AuditEvent.objects.filter(pk__gt=last).order_by("id"))
    assert [event.action for event in events] == case.actions
    assert (everything() != before) == case.changes_rows
    for event in events:
        assert (event.actor_kind, event.actor_id, event.actor_label) == ("person", "p-1", BY.label)
        assert (event.ip, event.request_id) == ("192.0.2.7", "req-1")
        uuid.UUID(event.target_id)
        assert event.target_type
        if not name.startswith("create_w"):
            assert event.workspace_id == str(world.workspace.pk)


def test_every_keyword_only_service_of_the_subjects_has_a_case() -> None:
    elsewhere = {
        # need the source, the cloud or a worker: their journeys are in tests/flows, tests/consent_pages
        "start_sign_in", "complete_sign_in", "bounce_sign_in", "fresh_access_token", "test_connection", "deliver_next",
        "enable_destination", "pause_destination", "schedule_deliveries", "replay_delivery", "sweep_deliveries",
        "cancel_deliveries", "purge_spool", "clean_spool", "retest_due",
        # their events are looked at in tests/destinations/services and tests/faces
        "draft_destination", "prepare_external_id", "adopt_external_id", "discard_next_external_id",
        "list_matching", "start_bulk_action", "run_next_bulk_item", "run_next_backfill_step",
        "adopt_if_accepted", "start_reconciliation", "reconcile_now", "run_next_reconciliation", "run_next_bulk_step",
        # write no event of their own: the caller's event says it, or nobody did it
        "abandon_expired", "note_key_use", "count_request", "redeem_one_time_token", "renew_public_token",
        "revoke_tokens", "rotate_signing_key",
        "prune_tests", "is_reconciliation_due", "schedule_tombstones", "warn_of_trouble",
        "page_if_ours", "page_operator",
        "decide_live_access",  # twice above, by outcome
    }  # fmt: skip
    offered = {
        name
        for package in (applications, authorizations, destinations, workspaces)
        for name in package.__all__
        if name[0].islower()
    }
    assert offered - set(CASES) - elsewhere == set()


def test_repeated_calls_that_change_nothing_write_nothing(world: World) -> None:
    applications.end_api_key(api_key=world.test.key, by=BY, now=now())
    last = AuditEvent.objects.latest("id").pk
    applications.end_api_key(api_key=world.test.key, by=BY, now=now())
    uri = world.test.redirect_uri.uri
    applications.add_redirect_uri(application=world.application, mode=Mode.TEST, uri=uri, by=BY)
    assert not AuditEvent.objects.filter(pk__gt=last).exists()
