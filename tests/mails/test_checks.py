"""Production without a mail server is told."""

import pytest
from pytest_django.fixtures import Settings

from apps.mails.checks import check_email_url


@pytest.mark.parametrize(
    ("backend", "told"),
    [("console", ["mails.W001"]), ("smtp", []), ("locmem", ["mails.W001"]), ("dummy", ["mails.W001"])],
)
def test_a_mail_that_goes_nowhere_is_a_warning(settings: Settings, backend: str, told: list[str]) -> None:
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"
    assert [each.id for each in check_email_url(None)] == told
