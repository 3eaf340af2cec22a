"""allauth's mails: our layout, our address, through the outbox; a server that is away breaks no page."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail as django_mail
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.mails.adapter import compose_account_mail
from apps.mails.composing import Composed
from apps.mails.models import Mail
from apps.mails.services import send_next_mail
from apps.workspaces.models import User
from tests.factories import PASSWORD, client_of, make_user
from tests.mails.samples import NOW

pytestmark = pytest.mark.django_db
NEW = {"email": "new@acme.example", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def user() -> User:
    return make_user("ada@acme.example")


@pytest.fixture(autouse=True)
def elsewhere(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://relay.example"
    settings.ALLOWED_HOSTS = ["*"]


def queued(kind: str) -> Composed:
    mail = Mail.objects.get(kind=f"account.{kind}")
    assert mail.body is not None
    return Composed.from_json(mail.body.reveal())


def link_in(mail: Composed) -> str:
    (link,) = set(re.findall(r"https?://\S+/accounts/\S+", mail.text))
    assert f'href="{link}"' in mail.html
    return str(link)


def test_signing_up_asks_for_a_confirmation_that_then_works(settings: Settings) -> None:
    client = Client()
    assert client.post("/accounts/signup/", NEW, headers={"Host": "evil.example"}).status_code == 302
    mail = queued("email_confirmation_signup")
    assert mail.subject == "[Record Relay] Confirm your e-mail address"
    assert "new@acme.example" in mail.text
    assert "for 1 hour." in mail.text
    assert "evil" not in mail.text + mail.html
    link = link_in(mail)
    assert link.startswith("https://relay.example/accounts/confirm-email/")
    client.post(link.removeprefix("https://relay.example"))
    assert EmailAddress.objects.get(email=NEW["email"]).verified is True


def test_an_account_that_exists_gets_a_mail_and_the_page_says_nothing(user: User) -> None:
    Client().post("/accounts/signup/", {**NEW, "email": user.email})
    mail = queued("account_already_exists")
    assert link_in(mail) == "https://relay.example/accounts/password/reset/"


def test_a_new_password_by_mail(user: User) -> None:
    client = Client()
    client.post("/accounts/password/reset/", {"email": user.email}, headers={"Host": "evil.example"})
    mail = queued("password_reset_key")
    assert "Ignore this mail" in mail.text
    asked = client.get(link_in(mail).removeprefix("https://relay.example"))
    new = "quite another long password"
    assert client.post(asked.headers["Location"], {"password1": new, "password2": new}).status_code == 302
    done = queued("password_reset")
    assert done.subject == "[Record Relay] Your password was reset"
    assert "From address: 127.0.0.1" in done.text
    assert "Change your password and your second factor now" in " ".join(done.text.split())


def test_the_link_works_as_long_as_the_setting_says(user: User, settings: Settings) -> None:
    assert settings.PASSWORD_RESET_TIMEOUT == settings.EMAIL_LINK_SECONDS == 3600
    assert timedelta(days=settings.ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS) == timedelta(hours=1)
    Client().post("/accounts/password/reset/", {"email": user.email})
    mail = Mail.objects.get()
    assert mail.give_up_at is not None
    assert mail.give_up_at <= timezone.now() + timedelta(hours=1)


@pytest.mark.parametrize(
    ("seconds", "words"), [(60, "1 minute"), (5400, "1 hour and 30 minutes"), (7200, "2 hours"), (1800, "30 minutes")]
)
def test_the_life_of_a_link_is_told_in_words(settings: Settings, seconds: int, words: str) -> None:
    settings.EMAIL_LINK_SECONDS = seconds
    context = {"activate_url": "https://relay.example/accounts/confirm-email/x/"}
    mail = compose_account_mail("account/email/email_confirmation", email="a@b.example", context=context)
    assert f"for {words}." in " ".join(mail.text.split())


def test_an_unknown_address_is_told_so_by_mail_alone() -> None:
    Client().post("/accounts/password/reset/", {"email": "nobody@acme.example"})
    assert link_in(queued("unknown_account")) == "https://relay.example/accounts/signup/"


def test_a_second_factor_that_changes_is_told(user: User) -> None:
    TOTP.activate(user, generate_totp_secret())
    client = client_of(user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.post("/accounts/2fa/totp/deactivate/").headers["Location"] == "/accounts/2fa/"
    mail = queued("totp_deactivated")
    assert mail.subject == "[Record Relay] The authenticator app was removed"
    assert "From address: 127.0.0.1" in mail.text


def test_a_mail_server_that_is_away_breaks_no_page(user: User, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    client = Client()
    assert client.post("/accounts/password/reset/", {"email": user.email}).status_code == 302
    assert send_next_mail() is False
    assert Mail.objects.get().state == "RETRYING"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    Mail.objects.update(next_attempt_at=Mail.objects.get().created_at)
    assert send_next_mail() is True
    assert django_mail.outbox[0].subject == "[Record Relay] Choose a new password"


FACTS: dict[str, object] = {"ip": "203.0.113.7", "user_agent": "<b>Firefox</b>\nBcc: x@evil.example", "timestamp": NOW}
PREFIXES: dict[str, dict[str, object]] = {
    "account/email/email_confirmation": {"activate_url": "https://other.example/accounts/confirm-email/x/"},
    "account/email/email_changed": {**FACTS, "from_email": "a@b.example", "to_email": "c@d.example"},
    "account/email/email_deleted": {**FACTS, "deleted_email": "a@b.example"},
    "account/email/password_changed": FACTS,
    "account/email/password_reset": FACTS,
    "account/email/password_set": FACTS,
    "account/email/login_code": {"code": "123456"},
    "mfa/email/totp_activated": FACTS,
    "mfa/email/totp_deactivated": FACTS,
    "mfa/email/webauthn_added": FACTS,
    "mfa/email/webauthn_removed": FACTS,
    "mfa/email/recovery_codes_generated": FACTS,
}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_mail_of_allauth_has_our_layout(prefix: str) -> None:
    context = PREFIXES[prefix]
    mail = compose_account_mail(prefix, email="ada@acme.example", context=context)
    assert mail.subject.startswith("[Record Relay] ")
    assert "<main>" in mail.html
    assert "<b>Firefox" not in mail.html
    assert "\nBcc" not in mail.text
    assert "example.com" not in mail.text
    assert "Hello from" not in mail.text
    if "timestamp" in context:
        assert "When: 20 Nov 2026, 22:37 UTC\nFrom address: 203.0.113.7\nBrowser: <b>Firefox</b> Bcc" in mail.text
    for value in ("from_email", "to_email", "deleted_email", "code"):
        assert str(context.get(value, "")) in mail.text
