"""What a request says about its caller: the attributes that `portal.middleware` sets, typed, and the actor.

Owns their names; refuses to find them out (that is the middleware's) and to know who signs in how.
"""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest

from .events import Actor, ActorKind


class SeenRequest(HttpRequest):
    """A request behind the middleware. For the type checker only: nothing makes one."""

    client_ip: str
    request_id: str


def seen(request: HttpRequest) -> SeenRequest:
    """Return the same request, typed with what the middleware has put on it."""
    return cast("SeenRequest", request)


def actor_behind(request: HttpRequest, kind: ActorKind, *, actor_id: object = "", label: str = "") -> Actor:
    """Return who makes this request, with address, request id and browser."""
    return Actor(
        kind=kind,
        id=str(actor_id),
        label=label,
        ip=seen(request).client_ip,
        request_id=seen(request).request_id,
        user_agent=request.headers.get("User-Agent", "")[:300],
    )
