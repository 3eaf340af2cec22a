"""The consent variant of the content policy (D12): forms may also lead to this request's own application and source."""

from __future__ import annotations

import re

from apps.authorizations import smart
from apps.authorizations.models import PatientAuthorization
from apps.outbound.failures import SourceError

# What may stand in a policy: nothing that could end its directive and begin another.
ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?(?=[/?#]|$)", re.IGNORECASE)


def content_policy(origins: list[str]) -> str:
    """Return the header's value; `origins` are where forms may lead beside ourselves."""
    targets = " ".join(["'self'", *dict.fromkeys(origins)])
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"form-action {targets}; frame-ancestors 'none'; base-uri 'none'"
    )


def source_origins(authorization: PatientAuthorization) -> list[str]:
    """Return where the source's sign-in lives, so that the browser lets the form lead there."""
    try:
        authorize_url, _ = smart.discover(authorization.endpoint)
    except SourceError:
        return []
    return origins_of(authorize_url)


def origins_of(url: str) -> list[str]:
    found = ORIGIN.match(url)
    return [found[0]] if found else []
