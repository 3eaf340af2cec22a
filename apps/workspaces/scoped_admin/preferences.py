"""How a person wants pages to look: kept in a cookie of this browser, so that it holds before sign-in too."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest, HttpResponse

COOKIE = "appearance"
YEAR_SECONDS = 365 * 86_400
# name -> what may be chosen; the first is what people get who chose nothing
PREFERENCES: dict[str, tuple[str, ...]] = {
    "theme": ("system", "light", "dark"),
    "density": ("roomy", "compact"),
    "times": ("utc", "local"),
    "keys": ("on", "off"),
}


def read_preferences(request: HttpRequest) -> dict[str, str]:
    """Return every preference; an unknown value counts as not chosen."""
    chosen = dict(parse_qsl(request.COOKIES.get(COOKIE, "")))
    return {
        name: value if (value := chosen.get(name, "")) in offered else offered[0]
        for name, offered in PREFERENCES.items()
    }


def keep_preferences(request: HttpRequest, response: HttpResponse, chosen: dict[str, str]) -> None:
    """Keep what `chosen` names, and what was chosen before for the rest."""
    kept = {**read_preferences(request), **chosen}
    apart = {name: value for name, value in kept.items() if name in PREFERENCES and value != PREFERENCES[name][0]}
    secure = request.is_secure()
    response.set_cookie(COOKIE, urlencode(apart), max_age=YEAR_SECONDS, secure=secure, httponly=True, samesite="Lax")
