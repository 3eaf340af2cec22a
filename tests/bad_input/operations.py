"""What takes a JSON body, and which fields: the management API from its OpenAPI, the Link API from a table.

A new operation of the API is found by itself; if it takes a body, it needs a good one in GOOD. A new address of the
Link API needs a row in LINK.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from .conftest import ABSENT, CALLBACK, Place
from .routes import Face, Route, routes_of

# Views that name no single field and know no 405 and 413 of their own yet; empty when they do.
UNPOLISHED: tuple[str, ...] = ()
# What no key may write: a key is refused before its body is read (tests/api/test_team.py).
PERSONS_ONLY = ("/api/v1/members", "/api/v1/invitations")
CHALLENGE_VERIFIER = "v" * 43


@dataclass(frozen=True)
class Operation:
    """One method of one address. `query` and `fields` are the names that it reads."""

    route: Route
    method: str
    fields: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    query: frozenset[str] = frozenset()
    good: dict[str, Any] = field(default_factory=dict, compare=False, hash=False)
    label: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.route}{self.label}"

    @property
    def is_polished(self) -> bool:
        return not self.route.pattern.startswith(UNPOLISHED)


# A body that each operation takes; `None` where it takes none.
GOOD: dict[str, dict[str, Any]] = {
    "POST /api/v1/keys": {"kind": "secret", "note": "In the vault."},
    "POST /api/v1/allowed-origins": {"origin": "https://app.example"},
    "PATCH /api/v1/keys/<pk>": {"note": "In the other vault."},
    "POST /api/v1/keys/<pk>/roll": {"overlap_seconds": 60},
    "POST /api/v1/destinations": {
        "name": "New lake", "kind": "s3", "bucket": "clinic-new", "region": "us-east-1", "prefix": "in/",
        "role_arn": "arn:aws:iam::222222222222:role/relay", "expected_bucket_owner": "222222222222",
        "kms_key_arn": "arn:aws:kms:us-east-1:222222222222:key/1234",
    },
    "PATCH /api/v1/destinations/<pk>": {"name": "Lake, renamed"},
    "PATCH /api/v1/members/<pk>": {"role": "viewer"},
    "POST /api/v1/invitations": {"email": "new@acme.example", "role": "viewer"},
    "POST /api/v1/deliveries/replay": {"delivery_ids": [ABSENT]},
    "POST /api/v1/deliveries/retry": {"delivery_ids": [ABSENT]},
}  # fmt: skip


@lru_cache(maxsize=1)
def openapi() -> dict[str, Any]:
    generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]
    return dict(generator.get_schema(request=None, public=True))


def api_operations() -> list[Operation]:
    """Return every operation of `/api/v1/`, and its twin below a scope in test mode."""
    found = []
    for route in routes_of(Face.API, Face.SESSION):
        if route.pattern.startswith("/live/"):
            continue  # the same views as below /test/
        bearer = route.pattern.removeprefix("/test")
        described = openapi()["paths"][re.sub("<([a-z_]+)>", r"{\1}", bearer.replace("<pk>", "{id}"))]
        for method, operation in described.items():
            if route.face is Face.API and method != "get" and bearer.startswith(PERSONS_ONLY):
                continue
            schema = _body_schema(operation)
            names = frozenset(schema.get("properties", {}))
            found.append(
                Operation(
                    route=route,
                    method=method.upper(),
                    fields=names,
                    required=frozenset(schema.get("required", ())),
                    query=frozenset(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"),
                    good=GOOD[f"{method.upper()} {bearer}"] if names else {},
                )
            )
    return found


def _body_schema(operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody")
    if body is None:
        return {}
    schema: dict[str, Any] = body["content"]["application/json"]["schema"]
    reference = schema.get("$ref", "").rpartition("/")[2]
    return dict(openapi()["components"]["schemas"][reference]) if reference else schema


def link_operations(place: Place) -> list[Operation]:
    """Return every POST of the Link API, the token endpoint once per grant."""
    pair = {"secret_key": place.secret}
    sandbox = {**pair, "external_id": "user-1", "usage": "ONE_TIME"}
    start = f"http://localhost:8000/link/auth?client_id={place.publishable}"
    code = {
        "grant_type": "authorization_code", "code": "c" * 43, "redirect_uri": CALLBACK,
        "code_verifier": CHALLENGE_VERIFIER, "client_id": place.publishable,
    }  # fmt: skip
    rows: dict[str, list[dict[str, Any]]] = {
        "/link/exchange": [{**pair, "public_token": "public_token_x"}],
        "/link/token": [code, {"grant_type": "refresh_token", "refresh_token": "r" * 43}],
        "/oauth/token": [code, {"grant_type": "client_credentials"}],
        "/link/introspect": [],
        "/oauth/introspect": [],
        "/rest/consent": [],
        "/link/revoke": [pair],
        "/oauth/revoke": [pair],
        "/oauth/register": [
            {"redirect_uris": [CALLBACK], "client_name": "Nightly", "grant_types": ["authorization_code"]}
        ],
        "/link/sandbox/public_token": [sandbox],
        "/link/sandbox/authorize": [{**pair, "authorize_url": start, "member": "patient1@flexpa.com"}],
    }
    optional = {"usage", "member", "client_id", "client_name", "grant_types"}
    return [
        Operation(
            route=route,
            method="POST",
            fields=frozenset(good),
            required=frozenset(good) - optional,
            good=good,
            label=f" ({good['grant_type']})" if "grant_type" in good else "",
        )
        for route in routes_of(Face.LINK)
        for good in rows[route.pattern]
    ]


def headers_for(place: Place, operation: Operation) -> dict[str, str]:
    """Return who asks: a key, the session, a patient's bearer, or a client's pair where the grant wants one."""
    if operation.good.get("grant_type") in ("refresh_token", "client_credentials"):
        pair = base64.b64encode(f"{place.publishable}:{place.secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    if operation.good.get("grant_type") == "authorization_code":
        return {}
    if operation.route.pattern == "/oauth/register":
        return {"Authorization": f"Bearer {place.management}"}
    assert operation.route.face is not None
    return place.headers(operation.route.face)
