"""System check of the way out: a mail that only stands in the log reaches nobody."""

from typing import Any

from django.conf import settings
from django.core import checks

# What keeps a mail on this machine.
AT_HOME = ("console", "filebased", "locmem", "dummy")


@checks.register(checks.Tags.security, deploy=True)
def check_email_url(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    if settings.EMAIL_BACKEND.split(".")[-2] not in AT_HOME:
        return []
    return [
        checks.Warning(
            "EMAIL_URL is not set: mails, with their links for new passwords, go to the workers' log.",
            hint="Set EMAIL_URL=smtp+tls://user:password@host:587 and DEFAULT_FROM_EMAIL.",
            id="mails.W001",
        )
    ]
