"""Who asks, as an audit actor."""

from __future__ import annotations

from django.http import HttpRequest

from apps.audit.events import Actor, ActorKind
from apps.audit.request_facts import actor_behind

from .models import User


def actor_of(request: HttpRequest) -> Actor:
    """Return the signed-in person of `request` with address and request id; `support` when the site is the console."""
    user = request.user
    kind = ActorKind.SUPPORT if request.path.startswith("/support/") else ActorKind.PERSON
    label = user.get_username() if user.is_authenticated else ""
    return actor_behind(request, kind, actor_id=user.pk, label=label)


def person_of(request: HttpRequest) -> User:
    """Return who is signed in, behind a guard that lets only persons through."""
    user = request.user
    if not isinstance(user, User):
        raise TypeError("A page without a guard asked who is signed in.")
    return user
