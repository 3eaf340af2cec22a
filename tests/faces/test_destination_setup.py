"""A destination is set up step by step: the external ID in one answer, the texts of the pages to the letter."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.utils import timezone

from apps.applications.keys import KeyKind, Mode
from apps.applications.services import issue_api_key
from apps.audit.events import SYSTEM
from apps.audit.models import AuditEvent
from apps.destinations import services
from apps.destinations.models import ConnectionTest, Destination, DestinationSecret
from apps.destinations.selectors import s3_sessions
from apps.destinations.views.policy_texts import mark_blanks
from apps.sandbox.cloud.server import LocalCloud
from apps.workspaces.models import Role
from tests.destinations.pasted import PastedRole, read_cli, read_cloudformation, read_json, read_terraform
from tests.factories import ROLE_ARN, World
from tests.flows import world as flows

ID = re.compile(r'<code id="external-id">([0-9a-f-]{36})</code>')
PLACEHOLDER = "<your external ID>"


@pytest.fixture(scope="module")
def cloud() -> Iterator[tuple[str, dict[str, str]]]:
    with LocalCloud() as server:
        yield server.url, flows.make_our_side(server.url)


@pytest.fixture
def cloud_url(cloud: tuple[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    url, our_key = cloud
    for name, value in {"AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", **our_key}.items():
        monkeypatch.setenv(name, value)
    s3_sessions.cache_clear()
    yield url
    s3_sessions.cache_clear()


class Setup:
    """A person on the four pages."""

    def __init__(self, client: Client, world: World, bucket: str) -> None:
        self.client, self.list, self.bucket = client, world.base("test") + "destinations/", bucket
        fields = {"name": "My <lake>", "bucket": bucket, "region": "us-east-1"}
        self.second = client.post(f"{self.list}new/", fields)["Location"]
        self.page = self.second.removesuffix("setup/external-id/")

    @property
    def destination(self) -> Destination:
        return Destination.objects.get(bucket=self.bucket)

    def text(self, path: str = "") -> str:
        answer = self.client.get(self.page + path)
        assert answer.status_code == 200, path
        return answer.content.decode()

    def row(self) -> str:
        """Return the list's row of this destination."""
        rows = self.client.get(self.list).content.decode().split("<tr>")
        (row,) = (each for each in rows if f"{self.page}" in each)
        return row

    def take_external_id(self) -> str:
        ticket = ticket_in(self.text("setup/external-id/"))
        found = ID.search(self.client.post(self.second, {"ticket": ticket}).content.decode())
        assert found is not None
        return found[1]

    def pre(self, shown: str, name: str) -> str:
        """Copy a text of the third step as a browser does: what the element says, without its marks."""
        found = re.search(rf'<pre id="{name}"[^>]*>(.*?)</pre>', self.text(f"setup/aws/?policies={shown}"), re.S)
        assert found is not None
        return html.unescape(re.sub(r"<[^>]+>", "", found[1]))

    def name_role(self, arn: str) -> None:
        assert self.client.post(f"{self.page}setup/aws/", {"role_arn": arn})["Location"] == f"{self.page}setup/test/"

    def test(self) -> str:
        path = f"{self.page}setup/test/"
        answer = self.client.post(path, {"back": path}, follow=True)
        assert answer.redirect_chain == [(path, 302)]
        return answer.content.decode()


def ticket_in(page: str) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', page)
    assert found is not None
    return found[1]


# -- four steps ----------------------------------------------------------------------------------------------
def test_set_up_can_be_left_after_each_step_and_the_list_says_where_it_goes_on(acme: World, owner: Client) -> None:
    setup = Setup(owner, acme, "left-and-resumed")
    for words, step, go_on in (
        ("Next: make its external ID", "setup/external-id/", setup.take_external_id),
        ("Next: create the role in AWS", "setup/aws/", lambda: setup.name_role(ROLE_ARN)),
        ("Next: test the connection", "setup/test/", lambda: None),
    ):
        assert f'<a href="{setup.page}{step}">{words}</a>' in setup.row()
        go_on()
    assert setup.destination.state == "UNTESTED"
    events = AuditEvent.objects.filter(target_id=str(setup.destination.pk)).order_by("id")
    assert [event.action for event in events] == [
        "destination.created",
        "destination.external_id_rotated",
        "destination.changed",
    ]


def test_steps_may_be_done_in_another_order(acme: World, owner: Client) -> None:
    setup = Setup(owner, acme, "role-first")
    setup.name_role(ROLE_ARN)
    assert setup.destination.state == "DRAFT"
    assert "no external ID" in setup.text()
    setup.take_external_id()
    assert setup.destination.state == "UNTESTED"


def test_draft_page_leads_to_the_step_that_is_next(acme: World, owner: Client) -> None:
    setup = Setup(owner, acme, "draft-page")
    assert f'href="{setup.page}setup/external-id/">Continue the set-up</a>' in setup.text()
    assert "Not made yet" in setup.text()
    assert owner.get(f"{setup.page}edit/")["Location"] == f"{setup.page}setup/where/"


def test_first_step_opened_again_has_what_was_given_and_changes_it(acme: World, owner: Client) -> None:
    setup = Setup(owner, acme, "again")
    assert 'value="again"' in setup.text("setup/where/")
    fields = {"name": "Other", "bucket": "again-2", "region": "eu-west-1", "prefix": "in/"}
    assert owner.post(f"{setup.page}setup/where/", fields)["Location"] == setup.second
    changed = Destination.objects.get(bucket="again-2")
    assert (changed.name, changed.region, changed.prefix, changed.state) == ("Other", "eu-west-1", "in/", "DRAFT")


def test_field_that_is_wrong_is_marked_and_keeps_no_draft(acme: World, owner: Client) -> None:
    before = Destination.objects.count()
    fields = {"name": "x", "bucket": "Clinic", "region": "us-esat-1"}
    text = owner.post(acme.base("test") + "destinations/new/", fields).content.decode()
    assert "Did you mean us-east-1?" in text
    assert text.count('aria-invalid="true"') == 2
    assert Destination.objects.count() == before


def test_region_is_offered_by_code_and_city(acme: World, owner: Client) -> None:
    text = owner.get(acme.base("test") + "destinations/new/").content.decode()
    assert 'list="regions"' in text
    assert '<option value="eu-west-1">Europe (Ireland)</option>' in text


def test_nothing_can_be_tested_or_enabled_before_the_set_up_is_whole(acme: World, owner: Client) -> None:
    setup = Setup(owner, acme, "too-early")
    assert "Finish the set-up first" in setup.test()
    assert ConnectionTest.objects.count() == 0
    enabled = owner.post(f"{setup.page}enable/", follow=True).content.decode()
    assert "Run Test connection first" in enabled
    assert setup.destination.state == "DRAFT"
    key = issue_api_key(application=acme.application, mode=Mode.TEST, kind=KeyKind.MANAGEMENT, by=SYSTEM)
    answer = Client().post(
        f"/api/v1/destinations/{setup.destination.pk}/test",
        content_type="application/json",
        headers={"Authorization": f"Bearer {key.value}"},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


# -- the external ID -----------------------------------------------------------------------------------------
def test_external_id_is_in_one_answer_and_step_two_then_says_that_it_was_shown(acme: World, owner: Client) -> None:
    setup = Setup(owner, acme, "once")
    ticket = ticket_in(setup.text("setup/external-id/"))
    answer = owner.post(setup.second, {"ticket": ticket})
    external_id = setup.destination.secret.external_id.reveal()
    text = answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert text.count(external_id) == 3  # beside the copy button, in the download, in the trust policy
    assert 'closedby="none"' in text
    assert f'action="{setup.page}setup/aws/"' in text
    again = setup.text("setup/external-id/")
    assert "It was shown already" in again
    assert f'href="{setup.page}rotate/"' in again
    for repeated in (ticket, ticket_in(setup.text("setup/where/")), ""):
        assert owner.post(setup.second, {"ticket": repeated})["Location"] == setup.second
    assert setup.destination.secret.external_id.reveal() == external_id
    for path in ("", "setup/where/", "setup/external-id/", "setup/aws/", "setup/test/", "setup/aws/?policies=cli"):
        assert external_id not in setup.text(path), path
    kept = repr(list(AuditEvent.objects.values())) + repr(dict(owner.session))
    assert external_id not in kept


# -- the texts, verbatim ---------------------------------------------------------------------------------------
READERS: dict[str, Callable[[Setup, str], PastedRole]] = {
    "json": lambda setup, made: read_json(
        setup.pre("json", "policy-trust").replace(PLACEHOLDER, made), setup.pre("json", "policy-role")
    ),
    "cli": lambda setup, made: read_cli(setup.pre("cli", "policy-cli").replace(PLACEHOLDER, made)),
    "terraform": lambda setup, made: read_terraform(setup.pre("terraform", "policy-terraform"), made),
    "cloudformation": lambda setup, made: read_cloudformation(
        setup.pre("cloudformation", "policy-cloudformation"), made
    ),
}


@pytest.mark.parametrize("shown", READERS)
def test_text_copied_from_the_page_makes_the_test_pass_and_the_destination_is_enabled(
    shown: str, acme: World, owner: Client, cloud_url: str
) -> None:
    account = f"22222222222{list(READERS).index(shown)}"
    setup = Setup(owner, acme, f"verbatim-{shown}")
    external_id = setup.take_external_id()
    flows.aws("s3", cloud_url, account).create_bucket(Bucket=setup.bucket)
    setup.name_role(READERS[shown](setup, external_id).make(flows.aws("iam", cloud_url, account)))
    assert "Enable destination" not in setup.text("setup/test/")
    text = setup.test()
    assert "Enable destination" in text, re.findall(r'class="fail".*?</li>', text, re.S)
    assert text.count('<li class="pass">') == 11
    answer = owner.post(f"{setup.page}enable/", {"back": f"{setup.page}setup/test/"})
    assert (answer["Location"], setup.destination.state) == (setup.page, "ENABLED")


def test_what_a_person_has_to_put_in_is_marked_and_nothing_else_is_html() -> None:
    marked = mark_blanks('"<your external ID>" <b>&amp; "<ARN of your role>"')
    assert marked == (
        '&quot;<mark data-blank="external-id">&lt;your external ID&gt;</mark>&quot; &lt;b&gt;&amp;amp; '
        '&quot;<mark data-blank="role-arn">&lt;ARN of your role&gt;</mark>&quot;'
    )


def test_statements_for_policies_that_exist_are_shown_with_every_format(acme: World, owner: Client) -> None:
    setup = Setup(owner, acme, "with-a-key")
    Destination.objects.filter(pk=setup.destination.pk).update(
        kms_key_arn="arn:aws:kms:us-east-1:222222222222:key/1", expected_bucket_owner="333333333333"
    )
    for shown in READERS:
        for name in ("policy-bucket", "policy-key"):
            assert json.loads(setup.pre(shown, name))["Principal"] == {"AWS": "<ARN of your role>"}


# -- a new external ID beside the old one ------------------------------------------------------------------------
@pytest.fixture
def lake(acme: World, cloud_url: str, request: pytest.FixtureRequest) -> Destination:
    """An enabled destination; its trust policy names the one external ID."""
    team = flows.Team(acme.people[Role.OWNER], acme.application, "", "")
    bucket = re.sub("[^a-z]+", "-", request.node.name)[:40].strip("-")
    return flows.make_destination(team, cloud_url, bucket=bucket)


def trust(lake: Destination, cloud_url: str, *external_ids: str) -> None:
    statement = {
        "Principal": {"AWS": flows.DELIVERY_ROLE},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": list(external_ids)}},
    }
    flows.aws("iam", cloud_url, flows.CUSTOMER_ACCOUNT).update_assume_role_policy(
        RoleName=lake.role_arn.rpartition("/")[2], PolicyDocument=flows.policy(**statement)
    )


def test_old_external_id_stays_in_use_until_a_test_with_the_new_one_has_passed(
    acme: World, owner: Client, lake: Destination, cloud_url: str
) -> None:
    page = acme.base("test") + f"destinations/{lake.pk}/"
    old = lake.secret.external_id.reveal()
    form = {"ends": "after", "ticket": ticket_in(owner.get(f"{page}rotate/").content.decode())}
    answer = owner.post(f"{page}rotate/", form)
    found = ID.search(answer.content.decode())
    assert found is not None
    new = found[1]
    assert "&lt;your old external ID&gt;" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert "A new external ID waits" in owner.get(page).content.decode()

    failed = owner.post(f"{page}rotate/test/", follow=True).content.decode()
    assert "The test with the new external ID failed. Deliveries go on with the old one." in failed
    assert "Test failing" not in failed
    lake = Destination.objects.get(pk=lake.pk)
    assert (lake.state, lake.test_passed_at is not None, lake.secret.external_id.reveal()) == ("ENABLED", True, old)

    trust(lake, cloud_url, old, new)
    assert services.test_connection(destination=lake, by=SYSTEM, now=timezone.now()).passed
    assert "The new external ID works." in owner.post(f"{page}rotate/test/", follow=True).content.decode()
    lake = Destination.objects.get(pk=lake.pk)
    assert (lake.state, lake.secret.external_id.reveal(), lake.secret.next_external_id) == ("ENABLED", new, None)
    trust(lake, cloud_url, new)
    assert services.test_connection(destination=lake, by=SYSTEM, now=timezone.now()).passed
    assert "A new external ID waits" not in owner.get(page).content.decode()


def test_second_new_external_id_is_refused_while_one_waits_and_it_can_be_discarded(
    acme: World, owner: Client, lake: Destination
) -> None:
    services.prepare_external_id(destination=lake, by=SYSTEM)
    with pytest.raises(services.NoOverlap, match="waits already"):
        services.prepare_external_id(destination=lake, by=SYSTEM)
    page = acme.base("test") + f"destinations/{lake.pk}/"
    assert b"discarded" in owner.post(f"{page}rotate/discard/", follow=True).content
    assert b"No new external ID waits." in owner.post(f"{page}rotate/test/", follow=True).content
    assert DestinationSecret.objects.get(destination=lake).next_external_id is None


def test_replacing_at_once_forgets_the_one_that_waited(acme: World, owner: Client, lake: Destination) -> None:
    services.prepare_external_id(destination=lake, by=SYSTEM)
    services.rotate_external_id(destination=lake, by=SYSTEM)
    lake.refresh_from_db()
    assert (lake.state, DestinationSecret.objects.get(destination=lake).next_external_id) == ("UNTESTED", None)


def test_untested_destination_has_no_overlap_to_offer(acme: World, owner: Client) -> None:
    page = acme.base("test") + f"destinations/{acme.test.destination.pk}/rotate/"
    text = owner.get(page).content.decode()
    assert "The old one stops working at once" in text
    assert 'name="ends"' not in text
    with pytest.raises(services.NoOverlap):
        services.prepare_external_id(destination=acme.test.destination, by=SYSTEM)
