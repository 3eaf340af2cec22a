"""Unsafe or missing values of production (architecture 2): each with a stable id and a way out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def is_laptop() -> bool:
    """The demo and development keep the loose values, and say so on their pages."""
    return bool(settings.DEBUG or settings.DEMO)


@register()
def check_embedded_database(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.EMBEDDED_DATABASE and not is_laptop() and not settings.ALLOW_EMBEDDED_DATABASE:
        return [
            Error(
                "The embedded PostgreSQL is for one machine and nobody has allowed it.",
                hint="Set DATABASE_URL, or ALLOW_EMBEDDED_DATABASE=1 if one machine is what you want.",
                id="portal.E001",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def check_secrets(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.SECRETS_FROM_ENVIRONMENT:
        return []
    return [
        Error(
            "SECRET_KEY or FIELD_ENCRYPTION_KEYS is not set: a key that was made on this machine is lost with it.",
            hint="Set both from your secret store; without FIELD_ENCRYPTION_KEYS a backup cannot be read.",
            id="portal.E002",
        )
    ]


@register(Tags.security)
def check_public_url(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    parts = urlsplit(settings.PUBLIC_URL)
    if parts.scheme == "https" or (parts.hostname or "") in LOOPBACK:
        return []
    return [
        Error(
            "PUBLIC_URL is not https: tokens and records would travel in clear.",
            hint="Put TLS in front and set PUBLIC_URL=https://…",
            id="portal.E003",
        )
    ]


@register(Tags.security)
def check_laptop_values(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What the demo switches off must not be off anywhere else (rulings B12, B22)."""
    found: list[CheckMessage] = []
    if not is_laptop() and not settings.REQUIRE_SUPPORT_2FA:
        found.append(
            Error(
                "REQUIRE_SUPPORT_2FA is off: support staff could sign in with a password alone.",
                hint="Remove REQUIRE_SUPPORT_2FA from the environment.",
                id="portal.E004",
            )
        )
    if not is_laptop() and settings.FAULTS:
        found.append(
            Error(
                "FAULTS is on: whoever sets FAULT ends our workers.",
                hint="Remove FAULTS from the environment.",
                id="portal.E012",
            )
        )
    if not is_laptop() and settings.SANDBOX_PAYER_AS_LIVE:
        found.append(
            Error(
                "SANDBOX_PAYER_AS_LIVE is on: synthetic patients would appear in live mode.",
                hint="Remove SANDBOX_PAYER_AS_LIVE from the environment.",
                id="portal.E005",
            )
        )
    if settings.DEMO and (urlsplit(settings.PUBLIC_URL).hostname or "") not in LOOPBACK:
        found.append(
            Error(
                "DEMO is on with a public address.",
                hint="The demo prints passwords and is for this machine alone. Unset DEMO.",
                id="portal.E006",
            )
        )
    return found


@register(Tags.security, deploy=True)
def check_delivery_role(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.DELIVERY_ROLE_ARN:
        return []
    return [
        checks.Warning(
            "DELIVERY_ROLE_ARN is not set: customers are told to trust whatever identity this process has.",
            hint="Make one stable role for deliveries and set its ARN; never delete and recreate it.",
            id="portal.W001",
        )
    ]


@register()
def check_queue_times(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A hint that comes back while its task still runs does the work twice (queue.md 1.2)."""
    queue = settings.Q_CLUSTER
    waiting = -(-(queue["queue_limit"] + queue["bulk"]) // queue["workers"])
    if queue["retry"] > queue["timeout"] * (1 + waiting) + 30:
        return []
    return [
        Error(
            "Q_CLUSTER: retry is too short for timeout, queue_limit and workers.",
            hint="retry > timeout x (1 + ceil((queue_limit + bulk) / workers)) + 30.",
            id="portal.E007",
        )
    ]
