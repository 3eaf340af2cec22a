"""How often one may ask: per key, per access token, and per address for whoever has neither (rulings B14)."""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.http import HttpRequest

from apps.applications.services import Allowance, count_request
from apps.audit.request_facts import seen


class Throttled(Exception):
    """The caller's minute is used up."""


class CountedRequest(HttpRequest):
    """A request that was counted. For the type checker only: nothing makes one."""

    allowance: Allowance | None


def allowance_of(request: HttpRequest) -> Allowance | None:
    return getattr(request, "allowance", None)


def count_link(request: HttpRequest, who: object) -> None:
    """Raises: Throttled."""
    _count(request, "link", who, settings.LINK_PER_MINUTE)


def count_token(request: HttpRequest, who: object) -> None:
    """Raises: Throttled."""
    _count(request, "token", who, settings.TOKEN_PER_MINUTE)


def count_stranger(request: HttpRequest) -> None:
    """Count a request whose key or token opened nothing. Raises: Throttled."""
    _count(request, "stranger", seen(request).client_ip, settings.LINK_PER_MINUTE)


def _count(request: HttpRequest, what: str, who: object, per_minute: int) -> None:
    allowance = count_request(what=what, who=who, per_minute=per_minute)
    cast("CountedRequest", request).allowance = allowance
    if allowance is not None and allowance.is_exceeded:
        raise Throttled(
            f"More than {per_minute} requests in a minute. Send the next one after {allowance.retry_after_seconds} s."
        )
