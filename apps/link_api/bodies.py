"""What clients send to the Link API: JSON or form bodies, Basic pairs, bearers (C15, C16).

Refuses what it cannot read by name, and a parameter that is sent twice (RFC 6749 3.2); what it does not know it
ignores (RFC 6749 3.2 too).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, NoReturn

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from .answers import Refused

MAX_BODY_BYTES = 64 * 1024
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def read_body(request: HttpRequest) -> dict[str, Any]:
    """Return the fields of a JSON or form body, told apart by content, not by header alone (C16).

    Raises: Refused.
    """
    try:
        raw = request.body
    except RequestDataTooBig:
        _too_large()
    except UnreadablePostError:
        raise Refused(400, "The body ended before its Content-Length: send it again.") from None
    if len(raw) > MAX_BODY_BYTES:
        _too_large()
    if not raw.strip():
        return {}
    if raw.lstrip()[:1] == b"{" or request.content_type == "application/json":
        return _read_json(raw)
    if request.content_type not in FORMS:
        raise Refused(415, f"Send JSON (Content-Type: application/json) or a form (Content-Type: {FORMS[0]}).")
    return _read_form(request)


def texts(body: Mapping[str, Any], *names: str) -> list[str]:
    """Return these fields, each a text that is there. Raises: Refused, naming all that are missing or wrong."""
    missing = [name for name in names if body.get(name, "") in ("", None)]
    if missing:
        raise Refused(400, f"Missing: {', '.join(missing)}. Send {_all(names)}, each as a text.")
    wrong = [name for name in names if not isinstance(body[name], str)]
    if wrong:
        raise Refused(400, f"Not a text: {', '.join(wrong)}. Send {_all(names)}, each as a text.")
    unreadable = [name for name in names if not is_clean(body[name])]
    if unreadable:
        raise Refused(400, f"Not readable: {', '.join(unreadable)}. A text may hold no NUL and only whole characters.")
    return [body[name] for name in names]


def read_basic(request: HttpRequest) -> tuple[str, str] | None:
    """Return (publishable, secret) of `Authorization: Basic`, or None."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:  # not base64, not ASCII, or not UTF-8 inside
        return None
    return user, password


def read_bearer(request: HttpRequest) -> str:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""


def _read_json(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        raise Refused(400, "The JSON is nested too deeply: send one object of texts.") from None
    except ValueError:
        raise Refused(400, "The body is not JSON in UTF-8: send one object of texts.") from None
    if not isinstance(found, dict):
        raise Refused(400, "The body must be a JSON object of texts, not another kind of value.")
    return found


def _read_form(request: HttpRequest) -> dict[str, Any]:
    try:
        form = request.POST
    except (MultiPartParserError, BadRequest, SuspiciousOperation, UnreadablePostError, LookupError):
        raise Refused(400, f"The form cannot be read: send {FORMS[0]} in UTF-8.") from None
    _refuse_twice(name for name, values in form.lists() if len(values) > 1)
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    _refuse_twice(name for name in dict.fromkeys(names) if names.count(name) > 1)
    return dict(pairs)


def _refuse_twice(names: Any) -> None:
    twice = [name[:40] for name in names if is_clean(name)][:3]
    if twice:
        raise Refused(400, f"Sent more than once: {', '.join(twice)}. Send each field once.", error="invalid_request")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def is_clean(text: str) -> bool:
    """Whether PostgreSQL could hold it: no NUL, no half of a surrogate pair, nothing that was not UTF-8."""
    return not any(sign == "\x00" or sign == "\ufffd" or "\ud800" <= sign <= "\udfff" for sign in text)


def _too_large() -> NoReturn:
    raise Refused(413, f"The body is larger than {MAX_BODY_BYTES} bytes: send the fields of this request only.")


def _all(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
