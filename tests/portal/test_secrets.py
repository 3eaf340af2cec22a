"""Secrets are in exactly one answer, and asked for by somebody who has just signed in."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from apps.applications.models import ApiKey
from apps.audit.models import AuditEvent
from apps.destinations.models import Destination
from apps.workspaces.models import Role
from tests.factories import World, client_of
from tests.portal.test_isolation import PORTAL, WORKSPACE

KEY = re.compile(r"sk_test_[A-Za-z0-9_-]{43}")
EXTERNAL_ID = re.compile(r'<code id="external-id">([^<]+)</code>')


def ticket_of(client: Client, url: str) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', client.get(url).content.decode())
    assert found is not None
    return found[1]


@pytest.fixture
def owner(acme: World) -> Client:
    return client_of(acme.people[Role.OWNER])


def everything(client: Client, world: World) -> str:
    pages = "".join(client.get(page.url(world)).content.decode() for page in (*PORTAL, *WORKSPACE))
    return pages + repr(list(AuditEvent.objects.values())) + repr(dict(client.session))


def test_new_key_is_in_one_answer_and_nowhere_else(owner: Client, acme: World) -> None:
    url = acme.base("test") + "keys/new/"
    form = {"kind": "secret", "note": "vault", "ticket": ticket_of(owner, url)}
    response = owner.post(url, form)
    value = KEY.search(response.content.decode())
    assert value is not None
    assert "no-store" in response["Cache-Control"]
    assert value[0] not in everything(owner, acme)
    before = ApiKey.objects.count()
    again = owner.post(url, form)
    assert (again.status_code, ApiKey.objects.count()) == (302, before)


def test_rolled_key_is_shown_once_and_a_second_roll_is_refused_with_words(owner: Client, acme: World) -> None:
    url = acme.base("test") + f"keys/{acme.test.key.pk}/roll/"
    response = owner.post(url, {"overlap_seconds": "86400", "ticket": ticket_of(owner, url)})
    assert KEY.search(response.content.decode())
    refused = owner.post(url, {"overlap_seconds": "0", "ticket": ticket_of(owner, url)})
    assert b"being replaced already" in refused.content


def test_external_id_is_in_one_answer_with_its_policy_and_nowhere_else(owner: Client, acme: World) -> None:
    where = {"name": "Lake two", "bucket": "acme-two", "region": "us-east-1"}
    url = owner.post(acme.base("test") + "destinations/new/", where)["Location"]
    fields = {"ticket": ticket_of(owner, url)}
    response = owner.post(url, fields)
    text = response.content.decode()
    found = EXTERNAL_ID.search(text)
    assert found is not None
    assert text.count(found[1]) == 3  # beside the copy button, in the download, and in the trust policy
    assert "no-store" in response["Cache-Control"]
    assert found[1] not in everything(owner, acme)
    assert found[1] != acme.test.external_id
    assert owner.post(url, fields).status_code == 302
    assert Destination.objects.filter(name="Lake two").count() == 1


def test_rotated_external_id_is_shown_once(owner: Client, acme: World) -> None:
    url = acme.base("test") + f"destinations/{acme.test.destination.pk}/rotate/"
    form = {"ticket": ticket_of(owner, url)}
    found = EXTERNAL_ID.search(owner.post(url, form).content.decode())
    assert found is not None
    assert found[1] not in everything(owner, acme)
    assert owner.post(url, form).status_code == 302


def test_existing_external_ids_and_keys_are_on_no_page(owner: Client, acme: World) -> None:
    text = everything(owner, acme)
    for furniture in (acme.test, acme.live):
        assert furniture.external_id not in text
        assert furniture.key_value not in text


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    "path",
    [
        "keys/new/",
        "keys/{key}/roll/",
        "destinations/{destination}/rotate/",
        "destinations/{destination}/delete/",
    ],
)
def test_stale_sign_in_is_asked_for_the_password_outside_the_scope(path: str, method: str, acme: World) -> None:
    client = client_of(acme.people[Role.OWNER], fresh=False)
    url = acme.base("test") + path.format(key=acme.test.key.pk, destination=acme.test.destination.pk)
    response = getattr(client, method)(url)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/reauthenticate/?next=%2Fw%2Facme%2Fa%2Fcare%2Ftest%2F")
