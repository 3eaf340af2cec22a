"""From no account at all to an object in one's own bucket, with nothing but the pages (ux.md 4, 9).

The server, the worker, the payer and the local AWS are real; the customer's AWS account gets what the pages show,
letter by letter. Each journey is recorded; `RECORD=<folder>` keeps the recording.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from playwright.sync_api import Page
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from apps.authorizations.models import ConsentText

from . import world
from .journey import Hands, Keyboard, Mailbox, Mouse, Recorder, Traveller, travelling, working

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
ADDRESS, PASSWORD = "dana@clinic.example", "seven quiet herons wade"
LOGIN, LOGIN_PASSWORD = "patient1@flexpa.com", "examplepatient"
CALLBACK = "http://localhost:3000/callback"
DELIVERY = re.compile(r"\d\d? [A-Z][a-z]{2} \d\d:\d\d:\d\d")  # lists call a delivery by its time
MOST_LOOKS = 200


@pytest.fixture
def base(live_server: LiveServer, static_files: None, settings: Settings, payer_url: str, cloud_url: str) -> str:
    cache.clear()
    # A transactional test empties the table that the migration filled.
    words = {"body": "{application} gets your records {duration}"}
    ConsentText.objects.get_or_create(version="2026-11", locale="en", defaults=words)
    settings.PUBLIC_URL = live_server.url
    return live_server.url


@pytest.fixture
def mailbox(base: str, payer_url: str, tmp_path: Path) -> Iterator[Mailbox]:
    folder = tmp_path / "mails"
    folder.mkdir()
    (tmp_path / "var").mkdir()
    with working(tmp_path / "var", payer_url=payer_url, mailbox=folder):
        yield Mailbox(folder)


@pytest.fixture
def recorder(base: str, payer_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Recorder]:
    """Whatever way the journey is made: nothing complained, and nobody else was asked for anything."""
    folder = tmp_path / "recording"
    folder.mkdir()
    made = Recorder(folder)
    yield made
    made.keep(request.node.name)
    print("\n".join(made.steps))  # noqa: T201  # pytest shows it when a test fails
    assert made.complaints == []
    assert made.hosts <= {url.partition("://")[2] for url in (base, payer_url)}


@pytest.mark.parametrize("hands", [Mouse, Keyboard], ids=["mouse", "keyboard"])
def test_from_no_account_to_the_first_delivery(
    hands: Callable[[Page], Hands], base: str, mailbox: Mailbox, recorder: Recorder, cloud_url: str
) -> None:
    bucket = f"journey-{uuid.uuid4().hex[:8]}"
    with travelling(base, recorder, hands) as person:
        sign_up(person, mailbox)
        sign_in(person)
        make_application(person)
        take_key(person)
        register_redirect_uri(person)
        begin_destination(person, bucket)
    with travelling(base, recorder, hands) as person:  # the browser was closed over the external ID
        person.open(base)
        sign_in(person)
        trust = go_on_from_the_list(person)
        create_role(person, cloud_url, bucket, trust)
        check_and_enable(person)
        connect_patient(person)
        key, sha256, resources = wait_for_delivery(person)
    ((found, body),) = world.objects(cloud_url, bucket).items()
    lines = [json.loads(line) for line in body.splitlines()]
    assert (found, hashlib.sha256(body).hexdigest(), len(lines)) == (key, sha256, resources)
    assert lines[0]["resourceType"] == "Patient"
    assert resources > 1


# -- the account ----------------------------------------------------------------------------------
def sign_up(person: Traveller, mailbox: Mailbox) -> None:
    hands = person.hands
    person.open(person.base)
    person.arrives("Sign in")
    hands.follow("Sign up")
    person.arrives("Sign up")
    hands.fill("Email", ADDRESS)
    hands.fill("Password", PASSWORD)
    hands.fill("Password (again)", PASSWORD)
    hands.press("Sign up")
    person.arrives("Look into your mail")
    person.open(mailbox.link("/accounts/confirm-email/"))
    person.arrives("Is this your address?")
    hands.press("Yes, confirm it")


def sign_in(person: Traveller) -> None:
    person.arrives("Sign in")
    person.hands.fill("Email", ADDRESS)
    person.hands.fill("Password", PASSWORD)
    person.hands.press("Sign in")
    person.arrives("My workspaces")


def make_application(person: Traveller) -> None:
    hands = person.hands
    hands.follow("Create a workspace")
    person.arrives("New workspace")
    hands.fill("Name", "Clinic")
    hands.fill("Short name", "clinic")
    hands.press("Create workspace")
    person.arrives("New application")
    hands.fill("Name", "Care")
    hands.fill("Short name", "care")
    hands.press("Create application")
    person.arrives("The way to the first delivery")


# -- the checklist ------------------------------------------------------------------------------------
def take_key(person: Traveller) -> None:
    hands = person.hands
    hands.follow("Create a secret key")
    person.arrives("API keys")
    hands.follow("Create key")
    person.arrives("New API key")
    hands.press("Create key")
    person.arrives("Store this key now")
    assert re.fullmatch(r"sk_test_[\w-]{43}", person.reads("#secret"))
    store(person, "I have stored the key.", "Go to the keys")
    person.arrives("API keys")


def store(person: Traveller, box: str, button: str) -> None:
    """Leave a dialog that shows something once: its button is locked until the box is ticked."""
    assert person.page.is_disabled("#stored")
    person.hands.tick(box)
    assert person.page.is_enabled("#stored")
    person.hands.press(button)


def register_redirect_uri(person: Traveller) -> None:
    person.hands.follow("Settings")
    person.arrives("Redirect URIs in test")
    person.hands.fill("Redirect URI", CALLBACK)
    person.hands.press("Register")
    person.page.wait_for_selector(f"code:text-is('{CALLBACK}')")


def begin_destination(person: Traveller, bucket: str) -> None:
    """Name the bucket, have the external ID shown, and lose it."""
    hands = person.hands
    hands.follow("Overview")
    person.arrives("The way to the first delivery")
    hands.follow("Add a destination and enable it")
    person.arrives("Destinations")
    hands.follow("Add destination")
    person.arrives("Step 1 of 4")
    for field, text in (("Name", "Lake"), ("Bucket", bucket), ("Region", "us-east-1")):
        hands.fill(field, text)
    hands.press("Save as a draft and go on")
    person.arrives("Step 2 of 4")
    hands.press("Make the external ID and show it")
    person.arrives("Store this external ID now")


def go_on_from_the_list(person: Traveller) -> str:
    """Find the draft again, make another external ID for the one that is lost; return it."""
    hands = person.hands
    hands.follow("Open test of Care")
    person.arrives("The way to the first delivery")
    hands.follow("Destinations")
    person.arrives("Destinations")
    hands.follow("Next: create the role in AWS")
    person.arrives("Step 3 of 4")
    hands.follow("Back")
    person.arrives("Step 2 of 4")
    assert "It was shown already" in person.reads("main")
    hands.follow("Make a new external ID")
    person.arrives("New external ID for Lake")
    hands.press("Make a new external ID")
    person.arrives("Store this external ID now")
    external_id = person.reads("#external-id")
    store(person, "I have stored the external ID, or put it into the trust policy.", "Continue to the AWS role")
    person.arrives("Step 3 of 4")
    return external_id


def create_role(person: Traveller, cloud_url: str, bucket: str, external_id: str) -> None:
    """In the customer's own account, with the texts as the page has them."""
    hands = person.hands
    hands.fill("Your external ID", external_id)
    trust, permissions = hands.copy("Trust policy of the role"), hands.copy("Permissions of the role")
    world.aws("s3", cloud_url, world.CUSTOMER_ACCOUNT).create_bucket(Bucket=bucket)
    iam = world.aws("iam", cloud_url, world.CUSTOMER_ACCOUNT)
    role = iam.create_role(RoleName=f"{bucket}-writer", AssumeRolePolicyDocument=trust)["Role"]
    iam.put_role_policy(RoleName=f"{bucket}-writer", PolicyName="write", PolicyDocument=permissions)
    hands.fill("Role ARN", role["Arn"])
    hands.press("Save and go on to the test")
    person.arrives("Step 4 of 4")


def check_and_enable(person: Traveller) -> None:
    person.hands.press("Test connection")
    person.page.wait_for_selector("button:has-text('Test again')")
    failed = person.page.locator("ol.steps li.fail").all_inner_texts()
    assert failed == []
    person.hands.press("Enable destination")
    person.page.wait_for_selector("text=The destination is enabled.")


def connect_patient(person: Traveller) -> None:
    """The way that the checklist offers: play a synthetic patient, on the patient's own pages."""
    hands = person.hands
    hands.follow("Overview")
    person.arrives("The way to the first delivery")
    hands.follow("Have a patient authorize")
    person.arrives("Authorizations")
    hands.follow("Connect a synthetic patient")
    person.arrives("Connect a synthetic patient")
    hands.press("Open the consent pages")
    person.arrives("Care asks for a copy of your health records")
    hands.follow("Continue")
    person.arrives("Where are your records?")
    hands.press(re.compile("FooMedical.*"))
    person.arrives("Allow Care to get your records")
    hands.tick("I have read this and I want to share these records.")
    hands.press("Allow")
    person.arrives("Sign in")
    hands.fill("E-mail address", LOGIN)
    hands.fill("Password", LOGIN_PASSWORD)
    hands.press("Continue")
    person.arrives("Share your records?")
    hands.press("Allow")
    person.arrives("What happened")
    assert "The patient is connected." in person.reads("main")


def wait_for_delivery(person: Traveller) -> tuple[str, str, int]:
    """Look at the overview until the checklist has ended; return what the delivery's page says."""
    for _ in range(MOST_LOOKS):
        person.hands.follow("Overview")
        person.page.wait_for_load_state()
        person.page.locator("h1:text-is('Overview')").wait_for()
        if person.sees("Latest deliveries"):
            break
    person.arrives("Latest deliveries")
    person.hands.follow(DELIVERY)
    person.arrives("Resources by type")
    assert "Delivered" in person.reads("h1")
    (count,) = re.findall(r"([\d,]+) in all", person.reads("main"))
    return person.reads("#key"), person.reads("#sha256"), int(count.replace(",", ""))
