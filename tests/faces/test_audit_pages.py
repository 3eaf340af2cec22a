"""Audit log and search: what they say is what is there, and for whom."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from django.conf import settings as settings_of_django
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.audit_log import presenters
from apps.audit_log.filters import SUBJECTS
from apps.authorizations.states import AuthorizationState
from apps.destinations.models import ConnectionTest, Delivery, DeliveryAttempt
from apps.workspaces.models import Role
from tests.factories import World, client_of, make_world

from .pages import main_of, rows_of, text_of


# -- audit log ------------------------------------------------------------------------------------------
def test_audit_event_shows_who_what_where_from_and_its_seal(acme: World, owner: Client) -> None:
    owner.post(f"/w/acme/members/{acme.workspace.memberships.get(role='viewer').pk}/role/", {"role": "developer"})
    event = AuditEvent.objects.get(action="membership.role_changed")
    address = f"/w/acme/audit/{event.pk}/"
    text = main_of(text_of(owner, address))
    for words in ("owner@acme.example", "127.0.0.1", event.request_id, "viewer", "developer", "Not sealed yet"):
        assert words in text, words
    assert re.search(r"Role</div></th><td[^>]*><div>viewer</div></td><td[^>]*><div[^>]*>developer", text)


def test_audit_log_of_an_application_leaves_out_others_and_the_other_mode(acme: World, owner: Client) -> None:
    zeta = make_world("zeta")
    shown = set(re.findall(r"/audit/(\d+)/", text_of(owner, acme.base("test") + "audit/")))
    allowed = AuditEvent.objects.filter(application_id=str(acme.application.pk), mode__in=["", "test"])
    assert shown <= {str(pk) for pk in allowed.values_list("pk", flat=True)}
    assert owner.get(f"/w/acme/audit/{zeta.test.event.pk}/").status_code == 404
    assert owner.get(acme.base("test") + f"audit/{acme.live.event.pk}/").status_code == 404


def test_audit_filters_show_the_rows_that_they_name(acme: World, owner: Client) -> None:
    events = AuditEvent.objects.filter(workspace_id=str(acme.workspace.pk)).order_by("-pk")
    for query, wanted in (
        ({"actor_kind": "system"}, {"actor_kind": "system"}),
        ({"subject": "destination"}, {"action__startswith": "destination."}),
        ({"action": "api_key.created"}, {"action": "api_key.created"}),
        ({"target_type": "api_key"}, {"target_type": "api_key"}),
        ({"created_after": "2026-01-01T00:00:00Z"}, {"at__gte": "2026-01-01T00:00:00Z"}),
        ({"created_before": "2026-01-01T00:00:00Z"}, {"at__lt": "2026-01-01T00:00:00Z"}),
    ):
        rows = rows_of(owner.get("/w/acme/audit/export.csv", query))
        assert [int(row["id"]) for row in rows] == [each.pk for each in events.filter(**wanted)], query


def test_audit_search_takes_ids_however_they_are_written(acme: World, owner: Client) -> None:
    pk = acme.test.destination.pk
    for term in (str(pk), pk.hex, f" {str(pk).upper()} "):
        assert str(pk) in main_of(text_of(owner, acme.base("test") + "audit/", q=term)), term
    event = acme.test.event
    assert f"/audit/{event.pk}/" in text_of(owner, acme.base("test") + "audit/", q=str(event.pk))


def test_audit_csv_runs_no_formula(acme: World, owner: Client) -> None:
    AuditEvent.objects.filter(pk=acme.test.event.pk).update(actor_label="=cmd|' /C calc'!A0", actor_id="+1")
    (row,) = rows_of(owner.get("/w/acme/audit/export.csv", {"q": str(acme.test.event.pk)}))
    assert row["actor_label"] == "'=cmd|' /C calc'!A0"
    assert row["actor_id"] == "'+1"


def test_audit_csv_is_for_members_only(acme: World) -> None:
    stranger = client_of(make_world("zeta").people[Role.OWNER])
    for path in ("/w/acme/audit/export.csv", acme.base("test") + "audit/export.csv"):
        assert stranger.get(path).status_code == 404
        assert Client().get(path).status_code == 302


# -- search ---------------------------------------------------------------------------------------------
def test_search_finds_each_kind_of_id_and_goes_there(acme: World, owner: Client) -> None:
    test = ConnectionTest.objects.create(
        destination=acme.test.destination, config_version=1, passed=False, ran_at=timezone.now()
    )
    Delivery.objects.filter(pk=acme.test.delivery.pk).update(external_id="nobody")
    DeliveryAttempt.objects.filter(delivery=acme.test.delivery).update(request_id="AWS-1")
    authorization = acme.test.authorization
    expected = {
        str(acme.test.key.pk): f"keys/{acme.test.key.pk}/",
        acme.test.key_value[:16]: f"keys/{acme.test.key.pk}/",
        acme.test.key_value: f"keys/{acme.test.key.pk}/",
        str(acme.test.destination.pk): f"destinations/{acme.test.destination.pk}/",
        acme.test.destination.bucket: f"destinations/{acme.test.destination.pk}/",
        str(test.pk): f"destinations/{acme.test.destination.pk}/",
        str(acme.test.delivery.pk): f"deliveries/{acme.test.delivery.pk}/",
        acme.test.delivery.object_key: f"deliveries/{acme.test.delivery.pk}/",
        "AWS-1": f"deliveries/{acme.test.delivery.pk}/",
        str(acme.test.sync_job.pk): f"sync-jobs/{acme.test.sync_job.pk}/",
        str(authorization.pk): f"authorizations/{authorization.pk}/",
        str(authorization.consent_id): f"authorizations/{authorization.pk}/",
        str(authorization.destination_patient_id): f"authorizations/{authorization.pk}/",
        "member-00203": f"authorizations/{authorization.pk}/",
        str(acme.test.endpoint.pk): f"authorizations/?endpoint_id={acme.test.endpoint.pk}",
    }
    found = {text: owner.get(acme.base("test") + "search/", {"q": text}).headers.get("Location") for text in expected}
    assert found == {text: acme.base("test") + path for text, path in expected.items()}


def test_search_for_a_request_leads_to_its_events(acme: World, owner: Client) -> None:
    request_id = uuid.uuid4()
    AuditEvent.objects.filter(pk=acme.test.event.pk).update(request_id=str(request_id))
    text = main_of(text_of(owner, acme.base("test") + "search/", q=str(request_id)))
    assert f"/audit/{acme.test.event.pk}/" in text


def test_search_repeats_of_a_whole_key_its_beginning_only(acme: World) -> None:
    other = client_of(make_world("zeta").people[Role.OWNER])
    text = other.get("/search/", {"q": acme.test.key_value}).content.decode()
    assert acme.test.key_value not in text
    assert acme.test.key_value[:16] in text
    assert "Nothing found" in text


def test_search_finds_nothing_of_another_workspace_by_any_id(acme: World) -> None:
    zeta = make_world("zeta")
    stranger = client_of(zeta.people[Role.OWNER])
    names = [
        acme.test.key.pk, acme.test.key_value[:16], acme.test.destination.pk, acme.test.destination.bucket,
        acme.test.delivery.pk, acme.test.delivery.object_key, acme.test.sync_job.pk, acme.test.authorization.pk,
        acme.test.authorization.consent_id, acme.test.authorization.destination_patient_id, acme.test.endpoint.pk,
        acme.test.event.request_id or uuid.uuid4(),
    ]  # fmt: skip
    for path in ("/search/", zeta.base("test") + "search/"):
        for name in names:
            answer = stranger.get(path, {"q": str(name)})
            assert (answer.status_code, b"Nothing found" in answer.content) == (200, True), (path, name)
            assert b"Acme" not in answer.content


def test_every_action_that_a_service_writes_has_words() -> None:
    written = set()
    for file in (Path(settings_of_django.BASE_DIR) / "apps").rglob("*.py"):
        if "migrations" not in file.parts and "sandbox" not in file.parts:
            written |= set(re.findall(r'(?:action=|_record\(\s*)"([a-z_]+\.[a-z_]+)"', file.read_text()))
    states = {
        "authorization": [each.value for each in AuthorizationState if each != "CREATED"],
        "delivery": ["DELIVERED", "RETRYING", "HELD", "FAILED", "CANCELLED"],
        "sync": ["COMPLETED", "FAILED"],
    }
    written |= {f"{noun}.{state.lower()}" for noun, values in states.items() for state in values}
    assert len(written) > 40
    assert written - set(presenters.WORDS) == set()
    assert {action.partition(".")[0] for action in presenters.WORDS} <= set(SUBJECTS)
