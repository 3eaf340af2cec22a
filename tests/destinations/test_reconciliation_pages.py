"""Page, API and command of reconciliations: every state in words, who may begin one, what to paste."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import set_script_prefix
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.audit.models import AuditEvent
from apps.destinations.models import Destination, Reconciliation
from apps.destinations.selectors import COUNTED
from apps.workspaces.models import Role
from tests.api.conftest import Json, make_scope
from tests.api.conftest import Scope as ApiScope
from tests.factories import World, client_of

KEY = "flexpa/member-1/c/a/2026-11-21T01-10-17-123Z-0a1b.ndjson"


@pytest.fixture
def acme(acme: World, settings: Settings) -> World:
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    set_script_prefix("/")
    Destination.objects.filter(pk=acme.test.destination.pk).update(state="READY", tested_version=1)
    acme.test.destination.refresh_from_db()
    return acme


@pytest.fixture
def owner(acme: World) -> Client:
    return client_of(acme.people[Role.OWNER])


def page(world: World, tail: str = "reconciliations/") -> str:
    return world.base("test") + f"destinations/{world.test.destination.pk}/{tail}"


def plain(answer: Any) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def keep(world: World, state: str = "COMPLETED", findings: tuple[str, ...] = (), **more: Any) -> Reconciliation:
    counts = dict.fromkeys(COUNTED, 0) | {"objects": 9, "delivered": 8}
    kept = [{"kind": kind, "key": KEY, "delivery_id": "", "message": f"Saw {kind}."} for kind in findings]
    for kind in findings:
        counts[kind] += 1
    is_over = state in ("COMPLETED", "FAILED")
    return Reconciliation.objects.create(
        destination=world.test.destination,
        state=state,
        counts=counts,
        findings=kept,
        next_attempt_at=timezone.now(),
        ended_at=timezone.now() if is_over else None,
        asked_by={"kind": "person", "label": "owner@acme.example"},
        **{"compared_bytes": state == "COMPLETED", **more},
    )


# -- the page -------------------------------------------------------------------------------------------
def test_page_without_a_run_says_what_it_would_need(owner: Client, acme: World) -> None:
    text = plain(owner.get(page(acme)))
    assert "Not compared yet" in text
    assert "Compare now" in text


def test_button_begins_one_and_a_second_is_refused_with_words(owner: Client, acme: World) -> None:
    text = plain(owner.post(page(acme, "reconcile/"), follow=True))
    assert "You may close this page" in text
    assert "Compare now" not in text
    assert "is under way" in plain(owner.post(page(acme, "reconcile/"), follow=True))
    event = AuditEvent.objects.get(action="reconciliation.started")
    assert (event.actor_label, Reconciliation.objects.count()) == ("owner@acme.example", 1)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER])
def test_who_may_not_begin_one_in_live_may_look(acme: World, role: Role) -> None:
    live = acme.base("live") + f"destinations/{acme.live.destination.pk}/"
    client = client_of(acme.people[role])
    assert "Compare now" not in plain(client.get(f"{live}reconciliations/"))
    assert client.post(f"{live}reconcile/").status_code == 403


def test_clean_run_says_so(owner: Client, acme: World) -> None:
    keep(acme)
    text = plain(owner.get(page(acme)))
    assert "Nothing differs." in text
    assert "Length and SHA-256" in text


def test_findings_are_told_by_kind_with_what_to_do_and_each_key(owner: Client, acme: World) -> None:
    keep(acme, findings=("missing", "changed", "duplicate", "extra", "unscheduled"))
    text = plain(owner.get(page(acme)))
    for words in ("5 differences", "Missing", "Changed", "Duplicate", "Extra", "Without a delivery", "Saw changed."):
        assert words in text
    assert text.count("0a1b.ndjson") == 5


def test_run_that_could_not_list_offers_the_policy_to_paste(owner: Client, acme: World) -> None:
    keep(acme, "FAILED", error_code="s3:ListBucket", error_message="The role may not list.", error_owner="customer")
    answer = owner.get(page(acme))
    assert "Could not be compared." in plain(answer)
    assert "Goes into: policy of the role" in plain(answer)
    assert "s3:prefix" in answer.content.decode()


def test_run_that_compared_lengths_alone_says_so_and_offers_the_policy(owner: Client, acme: World) -> None:
    keep(acme, compared_bytes=False, error_code="s3:GetObject", error_message="No.", error_owner="customer")
    text = plain(owner.get(page(acme)))
    assert "Only lengths were compared." in text
    assert "s3:GetObject" in text
    assert "byte for byte" not in text


def test_run_that_failed_otherwise_offers_nothing_to_paste(owner: Client, acme: World) -> None:
    keep(acme, "FAILED", error_code="NoSuchBucket", error_message="There is no bucket.", error_owner="customer")
    assert "What to add" not in plain(owner.get(page(acme)))


def test_earlier_run_is_shown_by_its_address_and_another_destinations_is_not_found(owner: Client, acme: World) -> None:
    first = keep(acme, findings=("extra",))
    keep(acme)
    assert "Saw extra." in plain(owner.get(page(acme), {"run": str(first.pk)}))
    assert "Saw extra." not in plain(owner.get(page(acme)))
    live = acme.base("live") + f"destinations/{acme.live.destination.pk}/reconciliations/"
    for wanted in (str(first.pk), str(uuid4()), "nonsense"):
        assert owner.get(live, {"run": wanted}).status_code == 404


def test_destinations_page_names_the_last_run(owner: Client, acme: World) -> None:
    assert "Not compared yet" in plain(owner.get(page(acme, "")))
    keep(acme, findings=("missing",))
    assert "1 difference" in plain(owner.get(page(acme, "")))


# -- the API ----------------------------------------------------------------------------------------------
@pytest.fixture
def api(acme: World) -> ApiScope:
    return make_scope(acme.application, acme.test.mode)


def test_api_begins_lists_and_shows_them(api: ApiScope) -> None:
    path = f"destinations/{api.destination.pk}/reconciliations"
    begun: Json = api.api().post(path, {})
    assert (begun.status_code, begun.json()["state"], begun.json()["counts"]["missing"]) == (202, "PENDING", 0)
    again = api.api().post(path, {})
    assert (again.status_code, again.json()["code"]) == (409, "already_reconciling")
    assert [each["id"] for each in api.api().get(path).json()["data"]] == [begun.json()["id"]]
    Reconciliation.objects.update(counts={"missing": 1, "position": {"after": "a"}}, findings=[
        {"kind": "missing", "key": "a", "delivery_id": "", "message": "It is not there."}
    ])  # fmt: skip
    one = api.api().get(f"{path}/{begun.json()['id']}").json()
    assert (one["counts"]["missing"], one["findings"][0]["kind"]) == (1, "missing")
    assert set(one["counts"]) == set(COUNTED)


def test_api_wants_the_scopes_of_a_backfill_and_finds_nothing_of_others(api: ApiScope, acme: World) -> None:
    path = f"destinations/{api.destination.pk}/reconciliations"
    reader = api.api(api.secret)
    assert (reader.post(path, {}).status_code, reader.get(path).status_code) == (403, 200)
    assert api.api().post(path, {"deep": True}).status_code == 400
    for strange in (uuid4(), "nonsense"):
        assert api.api().get(f"{path}/{strange}").status_code == 404
        assert api.api().get(f"destinations/{strange}/reconciliations").status_code == 404
    theirs = Reconciliation.objects.create(destination=acme.live.destination, next_attempt_at=timezone.now())
    assert api.api().get(f"{path}/{theirs.pk}").status_code == 404
    assert api.api().get(f"destinations/{acme.live.destination.pk}/reconciliations").status_code == 404


def test_draft_cannot_be_compared(api: ApiScope, acme: World) -> None:
    draft = Destination.objects.create(application=acme.application, mode="test", name="Draft", state="DRAFT")
    answer = api.api().post(f"destinations/{draft.pk}/reconciliations", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


# -- the command -----------------------------------------------------------------------------------------
def test_command_wants_to_know_which(acme: World) -> None:
    with pytest.raises(CommandError, match="one of the arguments"):
        call_command("reconcile")
    with pytest.raises(CommandError, match="no such destination") as refused:
        call_command("reconcile", "--destination", str(uuid4()))
    assert refused.value.returncode == 2


def test_command_says_that_one_is_under_way(acme: World, capsys: pytest.CaptureFixture[str]) -> None:
    keep(acme, "PENDING", compared_bytes=False)
    with pytest.raises(CommandError) as refused:
        call_command("reconcile", "--destination", str(acme.test.destination.pk))
    assert refused.value.returncode == 2
    assert "is under way" in capsys.readouterr().err
