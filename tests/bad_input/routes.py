"""Every address of the product, collected from the resolver itself, and which face answers there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


class Face(StrEnum):
    """Who is spoken to; each face has one shape of error."""

    API = "api"  # /api/v1 with a key: problem details
    SESSION = "session"  # the same below a scope, with the portal's session
    FHIR = "fhir"  # OperationOutcome
    LINK = "link"  # {statusCode, error, message, error_description}
    CONSENT = "consent"  # the patient's pages
    PORTAL = "portal"  # pages below a scope
    PAGES = "pages"  # pages above any scope
    SUPPORT = "support"  # the console
    DISCOVERY = "discovery"  # documents and probes that take no input
    ACCOUNTS = "accounts"  # allauth's own pages


# The first prefix that fits says the face.
FACES: list[tuple[str, Face]] = [
    ("accounts/", Face.ACCOUNTS),
    ("api/v1/schema", Face.DISCOVERY),
    ("api/v1/docs", Face.DISCOVERY),
    ("api/v1/", Face.API),
    ("test/api/v1/", Face.SESSION),
    ("live/api/v1/", Face.SESSION),
    ("fhir/", Face.FHIR),
    ("link/sandbox/", Face.LINK),
    ("link/exchange", Face.LINK),
    ("link/token", Face.LINK),
    ("oauth/token", Face.LINK),
    ("link/introspect", Face.LINK),
    ("oauth/introspect", Face.LINK),
    ("link/revoke", Face.LINK),
    ("oauth/revoke", Face.LINK),
    ("oauth/register", Face.LINK),
    ("rest/", Face.LINK),
    ("v1/", Face.DISCOVERY),
    (".well-known/", Face.DISCOVERY),
    ("link/", Face.CONSENT),
    ("oauth/authorize", Face.CONSENT),
    ("test/", Face.PORTAL),
    ("live/", Face.PORTAL),
    ("support/", Face.SUPPORT),
    ("healthz", Face.DISCOVERY),
    ("readyz", Face.DISCOVERY),
    ("w/", Face.PAGES),
    ("workspaces/", Face.PAGES),
    ("appearance/", Face.PAGES),
    ("search/", Face.PAGES),
    ("styleguide/", Face.PAGES),
    ("invite/", Face.PAGES),
]


@dataclass(frozen=True)
class Route:
    """One pattern, as `/api/v1/keys/<pk>`; `face` is None for an address that no row of FACES names."""

    pattern: str
    name: str
    face: Face | None

    def __str__(self) -> str:
        return self.pattern

    @property
    def parameters(self) -> list[str]:
        return PARAMETER.findall(self.pattern)

    def path(self, values: dict[str, str]) -> str:
        """Return the address with `values` put in; everything about them is the caller's affair."""
        return PARAMETER.sub(lambda found: values[found[1]], self.pattern)


def list_routes() -> list[Route]:
    return sorted(set(_walk(get_resolver(), "")), key=str)


def routes_of(*faces: Face) -> list[Route]:
    """Return what these faces answer, but for their catch-all."""
    return [route for route in list_routes() if route.face in faces and "*" not in route.pattern]


def _walk(resolver: URLResolver, prefix: str) -> Iterator[Route]:
    for each in resolver.url_patterns:
        text = str(each.pattern)
        if isinstance(each.pattern, RegexPattern):
            text = "*" if text == "^.*$" else simplify_regex(text).lstrip("/")
        if isinstance(each, URLResolver):
            yield from _walk(each, prefix + text)
        elif isinstance(each, URLPattern):
            yield Route(f"/{prefix}{text}", each.name or "", _face_of(prefix + text))


def _face_of(path: str) -> Face | None:
    if not path:
        return Face.PAGES
    return next((face for prefix, face in FACES if path.startswith(prefix)), None)
