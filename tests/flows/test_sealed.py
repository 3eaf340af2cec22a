"""Deltas fold to the snapshot, replays repeat their original, manifests chain: over random histories of syncs, as a
customer's loader sees them in a real bucket. Source: the README's "Sealed deliveries"."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from apps.applications.keys import Mode
from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.destinations import services
from apps.destinations.models import Delivery, Destination
from apps.destinations.services import deliver_next
from apps.destinations.services.claiming import claim_next
from apps.records.services import prune_versions
from apps.syncs.services import revoke_and_expunge
from tests import factories
from tests.records.partitions import Filled, Resource

from . import world
from .loader import Loader

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

IDS = [("Observation", "a"), ("Observation", "b"), ("Claim", "a"), ("Coverage", "z")]
# What the source shows at a sync: some of the resources, each in one of three contents.
SHOWN = st.dictionaries(st.sampled_from(IDS), st.sampled_from("xyz"), max_size=4)
Event = tuple[str, dict[tuple[str, str], str]]
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.tuples(st.just("sync"), SHOWN),
    st.tuples(st.just("sync"), SHOWN),
    st.tuples(st.sampled_from(["deliver", "lose", "refuse", "off", "on", "retry", "replay"]), st.just({})),
)


@dataclass
class History:
    """One patient's records, delivered as deltas to one place and as plain snapshots to another."""

    cloud_url: str
    filled: Filled
    authorization: PatientAuthorization
    plain: Destination
    sealed: Destination

    @classmethod
    def begin(cls, cloud_url: str, *, contents: str = "delta") -> History:
        name = uuid.uuid4().hex[:10]
        team = world.make_team(slug=f"w{name}")
        authorization = factories.make_authorization(
            team.application, Mode.TEST, factories.make_endpoint(Mode.TEST), user="user-1"
        )
        plain = world.make_destination(team, cloud_url, bucket=f"plain-{name}", name="Plain")
        sealed = world.make_destination(team, cloud_url, bucket=f"sealed-{name}", name="Sealed")
        Destination.objects.filter(pk=sealed.pk).update(contents=contents, manifest=True, tombstones=True)
        PatientAuthorization.objects.filter(pk=authorization.pk).update(current_seq=0)
        return cls(cloud_url, Filled.of(authorization), authorization, plain, sealed)

    @transaction.atomic
    def sync(self, shown: dict[tuple[str, str], str]) -> None:
        self.filled.stage([Resource("Patient", "me"), *(Resource(*key, content=text) for key, text in shown.items())])
        counts = self.filled.close("Patient", *{kind for kind, _ in IDS}).counts
        job = uuid.uuid4()
        PatientAuthorization.objects.filter(pk=self.authorization.pk).update(
            current_seq=self.filled.seq, current_sync_job_id=job
        )
        self.authorization.refresh_from_db()
        services.schedule_deliveries(
            authorization=self.authorization, sync_job_id=job, seq=self.filled.seq, resource_counts=counts,
            gaps=[{"type": "Claim", "reason": "failed"}], now=timezone.now(),
        )  # fmt: skip

    def happen(self, event: str) -> None:
        match event:
            case "deliver":
                self.drain()
            case "lose":
                self.fault(lost=True)
            case "refuse":  # a row that fails for good, and with it a step of the chain
                self.fault(status=400, code="EntityTooLarge")
            case "off":
                self.sealed.refresh_from_db()
                if self.sealed.enabled:
                    services.disable_destination(destination=self.sealed, by=SYSTEM)
            case "on":
                self.turn_on()
            case "retry":
                failed = Delivery.objects.filter(destination=self.sealed, state="FAILED").first()
                if failed is not None:
                    services.retry_delivery(delivery=failed, by=SYSTEM, now=timezone.now())
            case "replay":
                delivered = Delivery.objects.filter(destination=self.sealed, state="DELIVERED").last()
                if delivered is not None:
                    services.replay_delivery(delivery=delivered, by=SYSTEM, now=timezone.now())

    def fault(self, **how: object) -> None:
        plan = {"count": 1, "service": "s3", "method": "PUT", "path": f"/{self.sealed.bucket}/", **how}
        httpx.post(f"{self.cloud_url}/_fake/faults", json=plan, trust_env=False).raise_for_status()

    def turn_on(self) -> None:
        self.sealed.refresh_from_db()
        if not self.sealed.enabled:
            services.enable_destination(destination=self.sealed, by=SYSTEM, now=timezone.now())

    def drain(self) -> None:
        """Deliver everything that can be; waits are over at once."""
        for _ in range(200):
            Delivery.objects.filter(state="RETRYING").update(next_attempt_at=timezone.now())
            Destination.objects.update(open_until=None)
            if not deliver_next():
                return
        raise AssertionError("it goes on for ever")

    def objects(self, destination: Destination) -> dict[str, bytes]:
        s3 = world.aws("s3", self.cloud_url, world.CUSTOMER_ACCOUNT)
        found = s3.list_objects_v2(Bucket=destination.bucket, Prefix="flexpa/").get("Contents", [])
        keys = [each["Key"] for each in found if "_connection-test" not in each["Key"]]
        return {key: s3.get_object(Bucket=destination.bucket, Key=key)["Body"].read() for key in keys}


@pytest.fixture
def calm(cloud_url: str) -> Iterator[str]:
    yield cloud_url
    httpx.delete(f"{cloud_url}/_fake/faults", trust_env=False).raise_for_status()


@hypothesis_settings(max_examples=20, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(EVENTS, min_size=3, max_size=14), contents=st.sampled_from(["delta", "snapshot"]))
def test_folding_what_was_delivered_gives_the_snapshot_whatever_happens(
    calm: str, events: list[Event], contents: str
) -> None:
    history = History.begin(calm, contents=contents)
    for event, shown in [("sync", {}), *events]:
        history.sync(shown) if event == "sync" else history.happen(event)
    httpx.delete(f"{calm}/_fake/faults", trust_env=False).raise_for_status()
    history.turn_on()
    history.sync({IDS[0]: "last"})
    history.drain()
    plain = history.objects(history.plain)
    by_sync = {row.sync_job_id: plain[row.object_key] for row in Delivery.objects.filter(destination=history.plain)}
    loader = Loader(history.objects(history.sealed))
    for manifest in loader.manifests():
        loader.take(manifest)
        assert loader.snapshot() == by_sync[uuid.UUID(manifest["sync_job_id"])]
        assert manifest["gaps"] == [{"type": "Claim", "reason": "failed"}]
    assert (
        loader.snapshot()
        == by_sync[max(Delivery.objects.filter(destination=history.plain), key=lambda row: row.seq).sync_job_id]
    )
    check_replays(history)
    check_states(history)


def check_replays(history: History) -> None:
    bodies = history.objects(history.sealed)
    for replay in Delivery.objects.filter(destination=history.sealed, kind="replay", state="DELIVERED"):
        assert replay.replay_of is not None
        original = {part["role"]: part for part in replay.replay_of.parts}
        for part in replay.parts:
            if part["role"] != "manifest":
                assert bodies[part["key"]] == bodies[original[part["role"]]["key"]]
                assert part["key"] != original[part["role"]]["key"]


def check_states(history: History) -> None:
    """Every sync is there, or its row says why not."""
    rows = Delivery.objects.filter(destination=history.sealed, kind="live")
    assert rows.count() == history.filled.seq
    assert set(rows.values_list("state", flat=True)) <= {"DELIVERED", "FAILED", "SKIPPED", "SUPERSEDED"}
    for row in rows.filter(state="FAILED"):
        assert row.error_code == "EntityTooLarge"


@pytest.mark.parametrize("contents", ["delta", "snapshot"])
def test_a_delivery_that_was_overtaken_is_superseded_and_writes_nothing(calm: str, contents: str) -> None:
    history = History.begin(calm, contents=contents)
    history.sync({IDS[0]: "x"})
    history.drain()
    history.sync({IDS[0]: "y"})
    history.happen("refuse")
    history.drain()
    history.sync({IDS[0]: "z"})
    history.drain()
    before = history.objects(history.sealed)
    history.happen("retry")
    history.drain()
    states = Delivery.objects.filter(destination=history.sealed).order_by("seq").values_list("state", flat=True)
    assert list(states) == ["DELIVERED", "SUPERSEDED", "DELIVERED"]
    assert history.objects(history.sealed) == before


def test_deliveries_of_one_authorization_go_one_by_one_in_the_order_of_their_syncs(calm: str) -> None:
    history = History.begin(calm)
    for text in "xyz":
        history.sync({IDS[0]: text})
    sealed = Delivery.objects.filter(destination=history.sealed)
    Delivery.objects.filter(destination=history.plain).delete()
    first = sealed.get(seq=1)
    sealed.filter(pk=first.pk).update(next_attempt_at=timezone.now() + dt.timedelta(hours=1))
    assert claim_next() is None, "a later sync overtook one that waits"
    sealed.filter(pk=first.pk).update(next_attempt_at=timezone.now() - dt.timedelta(hours=1))
    claimed = claim_next()
    assert claimed is not None
    assert (claimed.delivery.seq, claim_next()) == (1, None)


def test_a_delta_of_one_change_holds_one_line(calm: str) -> None:
    history = History.begin(calm)
    history.sync({IDS[0]: "x", IDS[1]: "x", IDS[2]: "x"})
    history.drain()
    history.sync({IDS[0]: "y", IDS[1]: "x"})
    history.drain()
    newest = Delivery.objects.filter(destination=history.sealed).latest("seq")
    roles = {part["role"]: part["lines"] for part in newest.parts}
    assert (newest.plan["contents"], roles) == ("delta", {"data": 1, "deleted": 1, "manifest": 1})
    assert newest.resource_counts == {"Observation": 1}


def test_a_base_that_is_not_kept_any_more_brings_everything_again(calm: str) -> None:
    history = History.begin(calm)
    history.sync({IDS[0]: "x"})
    history.drain()
    history.sync({IDS[0]: "y"})
    assert prune_versions(before=timezone.now() + dt.timedelta(days=1)) > 0
    history.drain()
    newest = Delivery.objects.filter(destination=history.sealed).latest("seq")
    assert (newest.state, newest.plan["contents"], newest.plan["base_seq"]) == ("DELIVERED", "snapshot", None)


def test_revoking_leaves_a_tombstone_that_empties_what_was_loaded(calm: str, settings: Settings) -> None:
    settings.TAG_BASE = "https://tags.example/"  # as the partitions that are filled by hand
    history = History.begin(calm)
    history.sync({IDS[0]: "x", IDS[2]: "x"})
    history.drain()
    history.sync({IDS[0]: "y"})  # not delivered any more
    revoke_and_expunge(authorization=history.authorization, by=SYSTEM, now=timezone.now())
    history.drain()
    loader = Loader(history.objects(history.sealed))
    *_, last = loader.manifests()
    loader.take_all()
    assert (last["kind"], last["contents"], loader.records) == ("tombstone", "tombstone", {})
    tombstone = Delivery.objects.get(kind="tombstone")
    assert (tombstone.state, tombstone.destination) == ("DELIVERED", history.sealed)
    urls = [
        json.loads(line)["entry"][0]["request"]["url"] for line in loader.objects[tombstone.object_key].splitlines()
    ]
    assert [url.partition("?")[0] for url in urls] == ["Claim", "Observation", "Patient"]
