"""Whatever a source does, in whatever order: nothing is lost, gaps are true, pages are not asked for twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from pytest_django.fixtures import Settings

from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.fhir.resource_types import SUPPORT_TYPES
from apps.records.selectors import find_view
from apps.syncs.models import SyncJob
from apps.syncs.services import request_sync
from apps.syncs.states import SyncCause

from . import world
from .fault_scripts import Control, Strikes, scripts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]
LOGIN = "patient31@flexpa.com"
Lines = dict[str, bytes]
by_the_dozen = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes; the script is printed
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Journey:
    """One member linked again and again: each authorization sees the same records under the same ids."""

    def __init__(self, payer_url: str) -> None:
        self.payer_url = payer_url
        self.control = Control(payer_url)
        self.control.reset()
        self.team = world.make_team()
        self.links = 0
        whole = self.link()
        assert world.sync(whole).gaps == []
        self.whole = self.seen(whole)
        self.ids_at_payer = {at_payer(line): key for key, line in self.whole.items()}

    def link(self) -> PatientAuthorization:
        self.links += 1
        return world.link_member(self.team, LOGIN, payer_url=self.payer_url, external_id=f"user-{self.links}")

    def seen(self, authorization: PatientAuthorization) -> Lines:
        """What is visible, with the two tags that differ between authorizations made equal."""
        authorization.refresh_from_db()
        view = find_view(authorization)
        if view is None:
            return {}
        own = (str(authorization.pk).encode(), str(authorization.consent_id).encode())
        rows = list(view.lines())
        found = {f"{kind}/{pk}": line.replace(own[0], b"A").replace(own[1], b"C") for kind, pk, line in rows}
        assert len(found) == len(rows), "a resource is visible twice"
        return found

    def refresh(self, authorization: PatientAuthorization) -> SyncJob:
        request_sync(authorization=authorization, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
        return world.sync(authorization)

    def unmentioned(self, keys: set[str], seen: Lines) -> set[str]:
        """Return the providers among `keys` that nothing visible refers to: nobody could have asked for them."""
        said = b"".join(seen.values())
        return {
            key
            for key in keys
            if type_of(key) in SUPPORT_TYPES and at_payer(self.whole[key]).encode() + b'"' not in said
        }

    def keys(self, at_the_payer: frozenset[str]) -> set[str]:
        return {self.ids_at_payer[one] for one in at_the_payer if one in self.ids_at_payer}


def at_payer(line: bytes) -> str:
    return "/".join(json.loads(line)["meta"]["source"].rsplit("/", 2)[-2:])


def type_of(key: str) -> str:
    return key.partition("/")[0]


@pytest.fixture
def journey(payer_url: str, settings: Settings) -> Iterator[Journey]:
    settings.SYNC_PAGE_SIZE, settings.SYNC_ATTEMPTS, settings.SYNC_RETRY_SECONDS = 12, 3, 0
    made = Journey(payer_url)
    yield made
    made.control.reset()


def check_ended(job: SyncJob) -> None:
    assert job.state in ("COMPLETED", "FAILED")
    assert job.crashes == 0, "no fault of a source may lose a worker"
    if job.state == "FAILED":
        assert job.error_code


def check_gaps_are_true(job: SyncJob, strikes: Strikes) -> None:
    everywhere = {"*", "metadata", "Patient", "token", "refresh", "smart-configuration"} & strikes.types
    for gap in job.gaps:
        assert gap["type"] in strikes.types or everywhere, f"{gap} without a fault"


def check_asked_once(journey: Journey, script: list[dict[str, Any]]) -> None:
    """A page that was kept is not asked for again: whatever is asked twice was struck, or was refused a token."""
    asked = Counter(
        f"{each['path']}?{each['query']}"
        for each in journey.control.asked()
        if each["method"] == "GET" and not each["path"].endswith(("/metadata", "smart-configuration"))
    )
    most = 1 + sum(each["times"] for each in script)
    assert not {url: n for url, n in asked.items() if n > min(most, 2 * 3)}
    if not script:
        assert set(asked.values()) <= {1}


@given(script=scripts)
@by_the_dozen
def test_first_sync_under_faults_loses_nothing_that_no_gap_or_error_names(
    journey: Journey, script: list[dict[str, Any]]
) -> None:
    journey.control.reset()
    authorization = journey.link()
    journey.control.reset()  # forgets the sign-in's requests too
    journey.control.play(script)
    job = world.sync(authorization)
    strikes = journey.control.strikes()
    check_ended(job)
    check_gaps_are_true(job, strikes)
    check_asked_once(journey, script)
    seen = journey.seen(authorization)
    if job.state == "FAILED":
        assert seen == {}
    else:
        gaps = {gap["type"] for gap in job.gaps}
        missing = {key for key in journey.whole.keys() - seen.keys() if type_of(key) not in gaps}
        missing -= journey.unmentioned(missing, seen)
        assert missing <= journey.keys(strikes.replaced), "lost, and nothing says so"
        assert len(missing) <= sum(each["count"] for each in job.rejected)
        assert len(seen.keys() - journey.whole.keys()) <= len(strikes.added)
    check_recovery(journey, authorization)


def check_recovery(journey: Journey, authorization: PatientAuthorization) -> None:
    """Two quiet syncs later everything is as if nothing had happened, byte for byte."""
    journey.control.reset()
    for _ in range(2):
        job = journey.refresh(authorization)
        assert job.state == "COMPLETED"
        assert {gap["reason"] for gap in job.gaps} <= {"shrunk"}
    assert job.gaps == []
    seen = journey.seen(authorization)
    assert {key: seen.get(key) for key in journey.whole} == journey.whole
    assert {type_of(key) for key in seen.keys() - journey.whole.keys()} <= {"Basic"}, "a type that is never crawled"


@given(script=scripts)
@by_the_dozen
def test_refresh_under_faults_keeps_what_was_there_and_ends_only_what_the_source_removed(
    journey: Journey, script: list[dict[str, Any]]
) -> None:
    journey.control.reset()
    authorization = journey.link()
    world.sync(authorization)
    removable = sorted(one for one, key in journey.ids_at_payer.items() if type_of(key) == "ExplanationOfBenefit")
    removed, changed = removable[0], removable[1]
    journey.control.reset()
    journey.control.post(f"members/{LOGIN}", {"add": 2, "remove": [removed], "change": [changed]})
    journey.control.play(script)
    job = journey.refresh(authorization)
    strikes = journey.control.strikes()
    check_ended(job)
    check_gaps_are_true(job, strikes)
    seen = journey.seen(authorization)
    gone = journey.whole.keys() - seen.keys()
    assert gone <= {journey.ids_at_payer[removed]}, "a fault ended what the source still has"
    if job.state == "COMPLETED" and not job.gaps and not job.rejected:
        assert gone == {journey.ids_at_payer[removed]}
        assert len(seen.keys() - journey.whole.keys()) >= 2
    check_recovery(journey, authorization)
