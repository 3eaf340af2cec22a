"""Secret, external ID, management key: in exactly one response ever, and nowhere else in readable form (ux 7).

Each is made through its page and through the API; then every page is asked for twice, every mail is sent, and all
that is kept or said anywhere is searched.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from django.contrib.sessions.models import Session
from django.core.mail import EmailMultiAlternatives
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import ApiKey, IdempotencyRecord
from apps.applications.services import issue_api_key
from apps.audit.events import SYSTEM
from apps.destinations import services
from apps.destinations.models import Destination, DestinationSecret
from apps.mails.models import Mail
from apps.mails.services import send_next_mail
from apps.workspaces.models import Role
from tests.destinations.services.bucket import ScriptedBucket
from tests.factories import ROLE_ARN, World, client_of, make_user

KEY = re.compile(r"(?:sk|mk)_(?:test|live)_[A-Za-z0-9_-]{43}")
EXTERNAL_ID = re.compile(r'<code id="external-id">([^<]+)</code>')
TICKET = re.compile(r'name="ticket" value="([^"]+)"')
Said = list[tuple[str, str]]  # what was asked, and all of the answer


class Recorder:
    """Everybody's browser and program; remembers every answer whole."""

    def __init__(self, world: World, staff: Client) -> None:
        self.world, self.staff, self.owner = world, staff, client_of(world.people[Role.OWNER])
        self.said: Said = []
        self.keys = {
            mode: issue_api_key(application=world.application, mode=mode, kind=KeyKind.MANAGEMENT, by=SYSTEM).value
            for mode in Mode
        }

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, **more: Any) -> Any:
        """Ask as whoever may: staff for the console, a key for the API, the owner for the rest."""
        client = self.staff if path.startswith("/support/") else self.owner
        if "/api/v1/" in path:
            client = Client() if path.startswith("/api/v1/") else client
            more.update({"data": json.dumps(body or {}), "content_type": "application/json"} if method != "get" else {})
        elif body is not None:
            more["data"] = body
        answer = getattr(client, method)(path, **more)
        headers = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
        self.said.append((f"{method} {path}", headers + answer.content.decode("utf-8", "replace")))
        return answer

    def page(self, path: str, **form: str) -> str:
        """Fill in a page's form and send it, its ticket included; return the answer."""
        found = TICKET.search(self.ask("get", path).content.decode())
        assert found is not None, path
        answer = self.ask("post", path, {**form, "ticket": found[1]})
        assert (answer.status_code, "no-store" in answer["Cache-Control"]) == (200, True), path
        return str(answer.content.decode())

    def api(self, path: str, body: dict[str, Any] | None = None, *, mode: Mode = Mode.TEST, name: str = "") -> Any:
        """Post with a key, or below the scope with the session; the same request is sent a second time."""
        headers = {"Idempotency-Key": name or path}
        if not path.startswith("/w/"):
            headers["Authorization"] = f"Bearer {self.keys[mode]}"
        first, again = (self.ask("post", path, body, headers=headers) for _ in range(2))
        assert first.status_code in (200, 201), first.content
        assert again.json()["secret_already_shown"] is True
        return first.json()


@pytest.fixture
def recorder(acme: World, settings: Settings) -> Recorder:
    settings.REQUIRE_SUPPORT_2FA = False
    return Recorder(acme, client_of(make_user("staff@example.com", staff=True)))


@pytest.fixture
def log() -> Iterator[list[str]]:
    """All that any logger says, those included that keep it to themselves."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(f"{record.getMessage()} {record.__dict__}")  # type: ignore[method-assign]
    loggers = [logging.getLogger(), *(each for each in map(logging.getLogger, logging.root.manager.loggerDict))]
    deaf = [each for each in loggers if each is logging.root or not each.propagate]
    for each in deaf:
        each.addHandler(handler)
    yield lines
    for each in deaf:
        each.removeHandler(handler)


# -- making ------------------------------------------------------------------------------------------------
def key_in(text: str) -> str:
    (value,) = set(KEY.findall(text))
    return str(value)


def external_id_in(text: str) -> str:
    found = EXTERNAL_ID.search(text)
    assert found is not None
    return found[1]


def make_all(who: Recorder) -> dict[str, str]:
    """Make one of each through its page and through the API. Shape: {how it was made: the secret}"""
    world, made = who.world, {}
    for mode in Mode:
        base = world.base(mode)
        rolled = issue_api_key(application=world.application, mode=mode, kind=KeyKind.SECRET, by=SYSTEM).api_key
        made[f"{mode} secret key, page"] = key_in(who.page(f"{base}keys/new/", kind="secret", note="vault"))
        made[f"{mode} management key, page"] = key_in(who.page(f"{base}keys/new/", kind="management", note=""))
        made[f"{mode} rolled key, page"] = key_in(who.page(f"{base}keys/{rolled.pk}/roll/", overlap_seconds="0"))
        second = who.ask("post", f"{base}destinations/new/", lake(f"page-{mode}"))["Location"]
        made[f"{mode} external ID, page"] = external_id_in(who.page(second))
        waiting, replaced = (make_tested(world, mode, name) for name in ("waiting", "replaced"))
        page = f"{base}destinations/{{}}/rotate/"
        made[f"{mode} waiting external ID, page"] = external_id_in(who.page(page.format(waiting.pk), ends="after"))
        made[f"{mode} rotated external ID, page"] = external_id_in(who.page(page.format(replaced.pk), ends="now"))
        session = f"{base}api/v1/"
        made[f"{mode} management key, session"] = who.api(f"{session}keys", {"kind": "management"})["value"]
        made |= make_with_key(who, mode)
    return made


def make_with_key(who: Recorder, mode: Mode) -> dict[str, str]:
    made = {}
    secret = who.api("/api/v1/keys", {"kind": "secret"}, mode=mode, name="a key")
    made[f"{mode} secret key, API"] = secret["value"]
    rolled = who.api(f"/api/v1/keys/{secret['id']}/roll", {"overlap_seconds": 60}, mode=mode)
    made[f"{mode} rolled key, API"] = rolled["value"]
    application = who.world.application
    lost = issue_api_key(application=application, mode=mode, kind=KeyKind.MANAGEMENT, by=SYSTEM).api_key
    made[f"{mode} rolled management key, API"] = who.api(f"/api/v1/keys/{lost.pk}/roll", {}, mode=mode)["value"]
    fields = {**lake(f"api-{mode}"), "kind": "s3", "role_arn": ROLE_ARN}
    destination = who.api("/api/v1/destinations", fields, mode=mode, name="a lake")
    made[f"{mode} external ID, API"] = destination["external_id"]
    rotated = who.api(f"/api/v1/destinations/{destination['id']}/rotate-external-id", mode=mode)
    made[f"{mode} rotated external ID, API"] = rotated["external_id"]
    return made


def lake(name: str) -> dict[str, str]:
    return {"name": name, "bucket": f"acme-{name}", "region": "us-east-1"}


def make_tested(world: World, mode: Mode, name: str) -> Destination:
    fields = {**lake(f"{name}-{mode}"), "role_arn": ROLE_ARN}
    made = services.create_destination(application=world.application, mode=mode, fields=fields, by=SYSTEM).destination
    with mock.patch("apps.destinations.services.testing.connector_for", ScriptedBucket()):
        services.test_connection(destination=made, by=SYSTEM, now=timezone.now())
    return made


# -- searching ---------------------------------------------------------------------------------------------
def forms_of(secret: str) -> list[str]:
    """Return how a plain text looks inside text, bytes (PostgreSQL shows them in hex) and base64 at any offset."""
    raw = secret.encode()
    inside = [base64.b64encode(b"\0" * shift + raw).decode()[4:-4] for shift in range(3)]
    bare = [secret.replace("-", "")] if re.fullmatch(r"[0-9a-f-]{36}", secret) else []
    return [secret, raw.hex(), *inside, *bare]


def tables_with(secrets: dict[str, str]) -> set[tuple[str, str]]:
    """Find secrets in every column of every table. Shape: {(secret's name, table)}"""
    found = set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, string_agg(format('coalesce(%I::text, '''')', column_name), ' || chr(10) || ')"
            " FROM information_schema.columns WHERE table_schema = current_schema() GROUP BY table_name"
        )
        tables = cursor.fetchall()
        assert len(tables) > 30
        for table, columns in tables:
            cursor.execute(f'SELECT {columns} FROM "{table}"')  # names come from the catalogue
            text = "\n".join(row[0] for row in cursor.fetchall())
            found |= {(name, table) for name, value in secrets.items() if _is_in(text, value)}
    return found


def _is_in(text: str, secret: str) -> bool:
    return any(form in text for form in forms_of(secret))


def sessions() -> str:
    return "".join(repr(each.get_decoded()) for each in Session.objects.all())


def queued_mails() -> str:
    return "".join(mail.body.reveal() for mail in Mail.objects.all() if mail.body is not None)


def look_at_everything(who: Recorder) -> int:
    """Ask for every page that `manage.py urls` names, and every list and object of the API; return how many."""
    printed = io.StringIO()
    call_command("urls", workspace="acme", stdout=printed, stderr=io.StringIO())
    paths = [line.partition("=")[2] for line in printed.getvalue().splitlines()]
    paths = [path for path in paths if "logout" not in path]
    for mode in Mode:
        base = f"{who.world.base(mode)}api/v1/"
        here = {"application": who.world.application, "mode": mode}
        paths += [f"{base}{name}?limit=200" for name in ("keys", "destinations", "audit-events")]
        for key in ApiKey.objects.filter(**here):
            paths += [f"{base}keys/{key.pk}", f"{who.world.base(mode)}keys/{key.pk}/"]
        for each in Destination.objects.filter(**here):
            paths += [f"{base}destinations/{each.pk}", f"{base}destinations/{each.pk}/policies"]
            paths += [f"{who.world.base(mode)}destinations/{each.pk}/"]
            paths += [f"{who.world.base(mode)}destinations/{each.pk}/setup/aws/"]
    for path in paths:
        assert who.ask("get", path).status_code in (200, 302), path
    return len(paths)


# -- the tests ---------------------------------------------------------------------------------------------
@pytest.mark.timeout(300)
def test_each_secret_is_in_exactly_one_response_and_nowhere_else(
    recorder: Recorder, log: list[str], mailoutbox: list[EmailMultiAlternatives]
) -> None:
    made = make_all(recorder)
    assert len(set(made.values())) == len(made) == 2 * 12
    assert sum(look_at_everything(recorder) for _ in range(2)) > 2 * 150
    shown = {name: [asked for asked, answer in recorder.said if value in answer] for name, value in made.items()}
    assert {name: asked for name, asked in shown.items() if len(asked) != 1} == {}
    assert all(asked[0].startswith("post ") for asked in shown.values())

    assert tables_with(made) == set()
    queued = queued_mails()
    while send_next_mail():
        pass
    sent = "".join(f"{mail.subject}{mail.body}{mail.alternatives}" for mail in mailoutbox)
    assert len(mailoutbox) >= len(made)
    assert IdempotencyRecord.objects.filter(body__secret_already_shown=True).count() == 2 * 6
    for place, text in {"sessions": sessions(), "queued": queued, "sent": sent, "log": "\n".join(log)}.items():
        assert [name for name, value in made.items() if _is_in(text, value)] == [], place


def test_what_is_shown_once_is_kept_sealed_or_as_a_digest_and_works(recorder: Recorder) -> None:
    made = make_all(recorder)
    kept = {
        each.reveal()
        for secret in DestinationSecret.objects.all()
        for each in (secret.external_id, secret.next_external_id)
        if each is not None
    }
    replaced = {value for name, value in made.items() if name.endswith("external ID, API") and "rotated" not in name}
    assert {value for name, value in made.items() if "external ID" in name} - replaced <= kept
    for name, value in made.items():
        if "management key" in name:
            answer = Client().get("/api/v1/keys", headers={"Authorization": f"Bearer {value}"})
            assert answer.status_code == 200, name


Hide = Callable[[str], None]


def in_text(canary: str) -> None:
    ApiKey.objects.update(note=f"see {canary}!")


def in_bytes(canary: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE destinations_destinationsecret SET external_id = %s", [b"\1" + canary.encode() + b"\2"])


def in_a_session(canary: str) -> None:
    session = Client().session
    session["seen"] = canary
    session.save()


@pytest.mark.parametrize("hide", [in_text, in_bytes], ids=["text", "bytes"])
def test_search_finds_what_lies_open_in_a_table(hide: Hide, acme: World) -> None:
    canary = "sk_test_" + "c4n4rY-" * 6
    assert tables_with({"it": canary}) == set()
    hide(canary)
    assert len(tables_with({"it": canary})) == 1


def test_search_finds_what_lies_open_in_a_session_and_in_base64(acme: World) -> None:
    canary = "sk_test_" + "c4n4rY-" * 6
    in_a_session(canary)
    assert _is_in(sessions(), canary)
    for before in ("", "a", "ab", "abc"):
        assert _is_in(base64.b64encode(f"{before}{canary} and more".encode()).decode(), canary)
