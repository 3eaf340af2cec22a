"""Origins of the widget: what is one, by page and by API. Source: RFC 6454 6.2; rulings A1."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import AllowedOrigin
from apps.applications.redirect_uris import InvalidOrigin, check_origin
from apps.applications.services import add_allowed_origin, issue_api_key
from apps.audit.events import SYSTEM
from apps.audit.models import AuditEvent
from apps.workspaces.models import Role
from tests.factories import World, client_of

KEPT = [
    ("https://app.example", "https://app.example"),
    ("https://app.example/", "https://app.example"),
    ("HTTPS://App.Example", "https://app.example"),
    ("https://app.example:443", "https://app.example"),
    ("https://app.example:8443", "https://app.example:8443"),
    ("http://localhost:3000", "http://localhost:3000"),
    ("http://127.0.0.1:80", "http://127.0.0.1"),
    ("http://[::1]:3000", "http://[::1]:3000"),
]
REFUSED = [
    "", "app.example", "http://app.example", "https://app.example/path", "https://app.example?x", "https://app.example#",
    "https://*.example", "https://me@app.example", "https://app.example; script-src *", "https://app.example 'self'",
    "null", "*", "data:text/html,x", "https://", "https://app.example:0", "https://ä.example",
]  # fmt: skip


@pytest.mark.parametrize(("sent", "kept"), KEPT)
def test_an_origin_is_kept_as_browsers_send_it(sent: str, kept: str) -> None:
    assert check_origin(sent, allow_loopback=True) == kept


@pytest.mark.parametrize("sent", REFUSED)
def test_what_is_no_origin_is_refused_by_the_name_of_the_field(sent: str) -> None:
    with pytest.raises(InvalidOrigin, match="origin must"):
        check_origin(sent, allow_loopback=True)


def test_loopback_is_for_test_mode_only() -> None:
    with pytest.raises(InvalidOrigin, match="only for localhost, and only in test mode"):
        check_origin("http://localhost:3000", allow_loopback=False)


@pytest.mark.parametrize("mode", list(Mode))
def test_the_settings_page_allows_and_removes(acme: World, mode: Mode) -> None:
    client, base = client_of(acme.people[Role.OWNER]), acme.base(mode)
    sent = {"origin": "https://New.example:443/"}
    assert client.post(f"{base}settings/origins/", sent).status_code == 302
    made = AllowedOrigin.objects.get(origin="https://new.example", mode=mode)
    assert "https://new.example" in client.get(f"{base}settings/").content.decode()
    again = client.post(f"{base}settings/origins/", sent)
    assert "is allowed in" in again.content.decode()
    refused = client.post(f"{base}settings/origins/", {"origin": "https://new.example/x"})
    assert "leave out path and query" in refused.content.decode()
    assert client.post(f"{base}settings/origins/{made.pk}/remove/").status_code == 302
    assert not AllowedOrigin.objects.filter(pk=made.pk).exists()
    actions = AuditEvent.objects.filter(mode=mode, detail__origin="https://new.example")
    assert sorted(actions.values_list("action", flat=True)) == ["allowed_origin.added", "allowed_origin.removed"]


def test_the_api_allows_lists_and_removes(acme: World) -> None:
    management = issue_api_key(application=acme.application, mode=Mode.TEST, kind=KeyKind.MANAGEMENT, by=SYSTEM)
    client, headers = Client(), {"Authorization": f"Bearer {management.value}"}

    def send(origin: object) -> tuple[int, dict[str, str]]:
        body = {"origin": origin}
        answer = client.post("/api/v1/allowed-origins", body, content_type="application/json", headers=headers)
        return answer.status_code, answer.json()

    status, made = send("https://new.example/")
    assert (status, made["origin"], made["mode"]) == (201, "https://new.example", "test")
    assert send("https://new.example")[0] == 200
    assert [each["field"] for each in send("http://new.example")[1]["errors"]] == ["origin"]  # type: ignore[index]
    listed = client.get("/api/v1/allowed-origins", headers=headers).json()["data"]
    assert [each["origin"] for each in listed] == ["https://new.example", "https://care.example"]
    path = f"/api/v1/allowed-origins/{made['id']}"
    reader = {"Authorization": f"Bearer {acme.test.key_value}"}
    assert client.get(path, headers=reader).status_code == 200
    assert client.delete(path, headers=reader).status_code == 403
    assert client.delete(path, headers=headers).status_code == 204
    assert client.get(path, headers=headers).status_code == 404
    theirs = AllowedOrigin.objects.get(mode="live", application=acme.application)
    assert client.delete(f"/api/v1/allowed-origins/{theirs.pk}", headers=headers).status_code == 404


@pytest.mark.django_db
def test_allowing_twice_keeps_one_row(acme: World) -> None:
    for origin in ("https://x.example", "https://x.example:443/"):
        add_allowed_origin(application=acme.application, mode=Mode.TEST, origin=origin, by=SYSTEM)
    assert AllowedOrigin.objects.filter(origin="https://x.example").count() == 1
