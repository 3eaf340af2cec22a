"""Secrets shown in exactly one response: the ticket that a form carries, and the headers of the answer.

A form's ticket is spent by its first POST, so a reloaded answer cannot make (or show) a second secret.
"""

from __future__ import annotations

import secrets

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

SESSION_KEY = "form_tickets"
KEPT = 20


def issue_ticket(request: HttpRequest) -> str:
    """Make a ticket for a form that is about to be shown."""
    ticket = secrets.token_urlsafe(12)
    request.session[SESSION_KEY] = [*request.session.get(SESSION_KEY, []), ticket][-KEPT:]
    return ticket


def take_ticket(request: HttpRequest) -> bool:
    """Spend the ticket of this POST; False if it was spent before or never made."""
    tickets: list[str] = request.session.get(SESSION_KEY, [])
    ticket = request.POST.get("ticket", "")
    if ticket not in tickets:
        return False
    request.session[SESSION_KEY] = [kept for kept in tickets if kept != ticket]
    return True


def once_only(response: HttpResponse) -> HttpResponse:
    """Keep a response out of every cache, the back button's included."""
    add_never_cache_headers(response)
    response["Cache-Control"] = "no-store"
    response["Pragma"] = "no-cache"
    return response
