"""Who asks, as an audit actor."""

from __future__ import annotations

from django.http import HttpRequest

from apps.audit.events import Actor, ActorKind


def actor_of(request: HttpRequest) -> Actor:
    """Return the signed-in person of `request` with address and request id; `support` when the site is the console."""
    user = request.user
    kind = ActorKind.SUPPORT if request.path.startswith("/support/") else ActorKind.PERSON
    return Actor(
        kind=kind,
        id=str(user.pk),
        label=user.get_username() if user.is_authenticated else "",
        ip=request.client_ip,  # type: ignore[attr-defined]
        request_id=request.request_id,  # type: ignore[attr-defined]
        user_agent=request.headers.get("User-Agent", "")[:300],
    )
