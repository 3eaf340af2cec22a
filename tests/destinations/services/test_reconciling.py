"""What each count and finding means, what may happen meanwhile, and what we may not see."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.destinations import services
from apps.destinations.connectors.base import StoredObject
from apps.destinations.manifests import Role
from apps.destinations.models import Delivery, Destination
from apps.destinations.policies import reading_role_policy
from apps.destinations.selectors import connector_for
from apps.destinations.services import comparing, expecting, reconciling
from apps.destinations.states import FindingKind
from tests.flows import world as flows

from .conftest import Make
from .lake import BODIES, Lake, found

pytestmark = pytest.mark.django_db(transaction=True)


# -- what each count means ------------------------------------------------------------------------------
def test_counts_say_what_became_of_every_row(lakes: Make) -> None:
    lake = lakes()
    mine = lake.authorize()
    for _ in range(3):
        lake.deliver(mine, {Role.DATA: next(BODIES), Role.MANIFEST: next(BODIES)})
    lake.deliver(mine, {Role.DATA: next(BODIES)}, state="PENDING", delivered_at=None)
    lake.deliver(mine, {Role.DATA: next(BODIES)}, state="FAILED", delivered_at=None)
    lake.deliver(mine, {Role.DATA: next(BODIES)}, state="SKIPPED", delivered_at=None)
    run = lake.reconcile()
    nothing = {kind.value: 0 for kind in FindingKind}
    counted = {"objects": 9, "delivered": 3, "waiting": 1, "failed": 1, "purged": 0, "elsewhere": 0}
    assert run.counts == counted | nothing
    assert (run.state, run.compared_bytes, run.findings) == ("COMPLETED", True, [])


def test_purged_authorization_counts_as_purged_and_its_tombstone_is_expected(lakes: Make) -> None:
    lake = lakes()
    mine = lake.authorize()
    gone = lake.deliver(mine, {Role.DATA: next(BODIES)})
    tombstone = lake.deliver(mine, {Role.DATA: next(BODIES)}, kind="tombstone")
    PatientAuthorization.objects.filter(pk=mine.pk).update(purged_at=timezone.now())
    lake.lose(gone.object_key)
    run = lake.reconcile()
    assert (found(run), run.counts["purged"], run.counts["delivered"]) == (set(), 1, 1)
    lake.lose(tombstone.object_key)
    assert found(lake.reconcile()) == {("missing", tombstone.object_key)}


def test_current_sync_without_a_row_is_unscheduled_unless_it_came_before_the_destination(lakes: Make) -> None:
    lake = lakes()
    late, early, scheduled = (lake.authorize(name) for name in ("late", "early", "scheduled"))
    sync = {"current_sync_job_id": uuid.uuid4(), "current_seq": 1}
    active = PatientAuthorization.objects.all()
    active.filter(pk=late.pk).update(last_synced_at=timezone.now(), **sync)
    active.filter(pk=scheduled.pk).update(last_synced_at=timezone.now(), **sync)
    active.filter(pk=early.pk).update(**sync)
    lake.deliver(scheduled, {Role.DATA: next(BODIES)})
    run = lake.reconcile()
    (one,) = run.findings
    assert (one["kind"], str(late.pk) in one["message"], run.counts["unscheduled"]) == ("unscheduled", True, 1)
    active.filter(pk=late.pk).update(state="REVOKED", revoked_at=timezone.now())
    assert found(lake.reconcile()) == set()


def test_bucket_and_prefix_that_the_destination_had_before_are_not_missed(lakes: Make) -> None:
    old, new = lakes(), lakes()
    row = old.deliver(old.authorize(), {Role.DATA: next(BODIES)})
    Delivery.objects.filter(pk=row.pk).update(destination=new.destination)
    assert found(new.reconcile()) == {("missing", row.object_key)}
    services.delete_destination(destination=old.destination, by=SYSTEM, now=timezone.now())
    services.update_destination(
        destination=new.destination, fields={"bucket": f"{old.destination.bucket}-2"}, by=SYSTEM
    )
    services.update_destination(destination=new.destination, fields={"bucket": new.destination.bucket}, by=SYSTEM)
    new.destination.refresh_from_db()
    run = new.reconcile()
    assert (found(run), run.counts["elsewhere"], run.counts["delivered"]) == (set(), 1, 0)
    services.update_destination(destination=new.destination, fields={"prefix": "other/"}, by=SYSTEM)
    new.destination.refresh_from_db()
    new.permit(reading_role_policy(new.destination.bucket, "other/"))
    run = new.reconcile()
    assert (found(run), run.counts["elsewhere"], run.counts["objects"]) == (set(), 1, 0)


def test_object_of_a_deleted_destination_of_the_same_bucket_is_explained(lakes: Make) -> None:
    lake, other = lakes(), lakes()
    row = lake.deliver(lake.authorize(), {Role.DATA: next(BODIES), Role.MANIFEST: next(BODIES)})
    Delivery.objects.filter(pk=row.pk).update(destination=other.destination)
    assert len(found(lake.reconcile())) == 2
    services.delete_destination(destination=other.destination, by=SYSTEM, now=timezone.now())
    Destination.objects.filter(pk=other.destination.pk).update(bucket=lake.destination.bucket)
    run = lake.reconcile()
    assert (found(run), run.counts["objects"]) == (set(), 2)


# -- what may happen meanwhile -----------------------------------------------------------------------------
def test_delivery_between_the_two_lists_is_neither_missing_nor_extra(
    lakes: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lakes()
    mine = lake.authorize()
    lake.deliver(mine, {Role.DATA: next(BODIES)})
    pair_up = comparing.pair_up

    def then_deliver(*sides: object) -> Iterator[comparing.Pair]:
        listed = list(pair_up(*sides))  # type: ignore[arg-type]
        row = lake.deliver(mine, {Role.DATA: next(BODIES), Role.MANIFEST: next(BODIES)})
        waiting = lake.deliver(mine, {Role.DATA: next(BODIES)}, state="PENDING", delivered_at=None)
        keys = [part["key"] for part in row.parts]
        expected = {each.key: each for each in expecting.list_expected(lake.destination, after="")}
        stored = {each.key: each for each in inventory(lake)}
        listed += [comparing.Pair(keys[0], None, expected[keys[0]]), comparing.Pair(keys[1], stored[keys[1]], None)]
        listed += [comparing.Pair(waiting.object_key, stored[waiting.object_key], None)]
        return iter(listed)

    monkeypatch.setattr(reconciling, "pair_up", then_deliver)
    assert found(lake.reconcile()) == set()


def inventory(lake: Lake) -> Iterator[StoredObject]:
    return connector_for(lake.destination).inventory(lake.destination.prefix)


def test_part_of_a_delivery_on_its_way_is_explained_before_its_row_names_it(lakes: Make) -> None:
    lake = lakes()
    row = lake.deliver(lake.authorize(), {Role.DATA: next(BODIES)}, state="RETRYING", delivered_at=None)
    lake.put(row.object_key.replace(".ndjson", ".manifest.json"), b"{}")
    assert found(lake.reconcile()) == set()
    lake.put(row.object_key.replace(".ndjson", ".other.json"), b"{}")
    assert len(found(lake.reconcile())) == 1


# -- what we may not see -------------------------------------------------------------------------------------
def test_without_the_right_to_list_it_fails_with_that_permission_and_nothing_is_invented(lakes: Make) -> None:
    lake = lakes(readable=False)
    lake.deliver(lake.authorize(), {Role.DATA: next(BODIES)})
    run = lake.reconcile()
    assert (run.state, run.error_code, run.error_owner) == ("FAILED", "s3:ListBucket", "customer")
    assert (run.findings, run.counts["missing"], run.ended_at is not None) == ([], 0, True)
    assert lake.destination.bucket in run.error_message


@pytest.mark.parametrize("permission", ["s3:GetObject", "kms:Decrypt"])
def test_without_the_right_to_read_lengths_are_compared_and_it_says_so(lakes: Make, permission: str) -> None:
    lake, mine = lake_without(lakes, permission)
    same, longer, lost = (lake.deliver(mine, {Role.DATA: next(BODIES)}).object_key for _ in range(3))
    sse = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": lake.destination.kms_key_arn}
    sse = sse if permission == "kms:Decrypt" else {}
    lake.put(same, b"x" * len(lake.bodies[same]), **sse)
    lake.put(longer, lake.bodies[longer] + b"x", **sse)
    lake.lose(lost)
    copy = f"{lake.destination.prefix}copy"
    lake.put(copy, lake.bodies[lost], **sse)
    run = lake.reconcile()
    assert found(run) == {("changed", longer), ("missing", lost), ("extra", copy)}
    assert (run.compared_bytes, run.error_code, run.error_owner) == (False, permission, "customer")


def lake_without(lakes: Make, permission: str) -> tuple[Lake, PatientAuthorization]:
    key = ""
    lake = lakes()
    if permission == "kms:Decrypt":
        key = flows.aws("kms", lake.cloud_url, flows.CUSTOMER_ACCOUNT).create_key()["KeyMetadata"]["Arn"]
        lake = lakes(kms_key_arn=key)
    policy = reading_role_policy(lake.destination.bucket, lake.destination.prefix, key or None)
    statements: object = policy["Statement"]
    assert isinstance(statements, list)
    lake.permit({**policy, "Statement": [each for each in statements if each["Action"] != permission]})
    return lake, lake.authorize()
