"""What may be a redirect URI, and what an origin of the widget: addresses that stand in our content policies. Pure.

Source: RFC 6749 3.1.2; RFC 8252 7.3 (loopback); RFC 9700 4.1.3 (compared to the letter, so no wildcard).
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
MAX_CHARS = 500
# It becomes part of headers: no space, no control character, nothing that could end a directive.
PRINTABLE = re.compile(r"[!-~]+")
NETLOC = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
FULL = "redirect_uri must be a full URL like https://app.example/callback"


class InvalidRedirectUri(ValueError):
    """A redirect URI that we would not send a patient to; the text says what to put right."""


class InvalidOrigin(ValueError):
    """An origin that no browser would send, or that the frame may not stand in; the text says what to put right."""


def check_redirect_uri(uri: str, *, allow_loopback: bool) -> str:
    """Return the host. http is for loopback only, and only where `allow_loopback`. Raises: InvalidRedirectUri."""
    if len(uri) > MAX_CHARS:
        raise InvalidRedirectUri(f"redirect_uri must have {MAX_CHARS} characters at most.")
    if uri and not PRINTABLE.fullmatch(uri):
        raise InvalidRedirectUri(f"{FULL}: without spaces and line breaks, letters outside ASCII percent-encoded.")
    parts = _split(uri)
    if parts.scheme not in ("http", "https"):
        raise InvalidRedirectUri("redirect_uri must use https: browsers follow no other scheme from here.")
    if "#" in uri:
        raise InvalidRedirectUri("redirect_uri must have no fragment: leave out # and what follows.")
    if "@" in parts.netloc:
        raise InvalidRedirectUri("redirect_uri must have no user name or password in it.")
    if "*" in parts.netloc:
        raise InvalidRedirectUri("redirect_uri must have no wildcard: register each address, to the letter.")
    if not parts.hostname or not NETLOC.fullmatch(parts.netloc):
        raise InvalidRedirectUri(f"{FULL}: a host name of letters, digits, dots and hyphens, and a port if needed.")
    if parts.scheme == "http" and not (allow_loopback and parts.hostname in LOOPBACK):
        raise InvalidRedirectUri("redirect_uri must use https (http only for localhost, and only in test mode).")
    return parts.hostname


def check_origin(origin: str, *, allow_loopback: bool) -> str:
    """Return the origin as browsers write it (RFC 6454 6.2): lower case, no default port. Raises: InvalidOrigin."""
    try:
        host = check_redirect_uri(origin, allow_loopback=allow_loopback)
    except InvalidRedirectUri as refusal:
        words = str(refusal).replace("redirect_uri", "origin").replace("app.example/callback", "app.example")
        raise InvalidOrigin(words) from None
    parts = urlsplit(origin)
    if parts.path not in ("", "/") or parts.query or "?" in origin:
        raise InvalidOrigin("origin must end after host and port, like https://app.example: leave out path and query.")
    name = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{name}{f':{parts.port}' if parts.port not in (None, default) else ''}"


def _split(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        whole = bool(parts.scheme) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise InvalidRedirectUri(f"{FULL}.")
    return parts
