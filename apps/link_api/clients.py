"""Who speaks to the Link API: a secret key in the body, a client of the token endpoint, a patient's bearer.

Every key that is accepted is noted as used. Refusals say which field, what was sent and what to send.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from apps.applications.keys import KeyKind
from apps.applications.models import ApiKey
from apps.applications.selectors import KeyRefused, check_api_key, check_client
from apps.applications.services import note_key_use
from apps.audit.events import Actor, ActorKind
from apps.audit.request_facts import actor_behind, seen
from apps.authorizations.selectors import PatientAccess, find_patient_access
from apps.authorizations.tokens import InvalidToken

from .answers import Refused
from .bodies import read_basic, read_bearer
from .limits import count_link, count_stranger, count_token

# The words that clients know come first; why, and what to do, follows.
WRONG_CLIENT = "Unauthorized: Invalid credentials"
# RFC 7617 2 asks for a realm; RFC 6750 3.1 names the error, unless no token was sent.
BASIC = 'Basic realm="token endpoint", charset="UTF-8"'
BEARER = 'Bearer realm="link"'


def secret_key(request: HttpRequest, value: str, now: dt.datetime) -> ApiKey:
    """Return the running secret key of a body. Raises: Refused, Throttled."""
    try:
        key = check_api_key(value, needed=KeyKind.SECRET, name="secret_key", now=now)
    except KeyRefused as why:
        count_stranger(request)
        raise Refused(401, str(why)) from None
    count_link(request, key.pk)
    note_key_use(api_key=key, ip=seen(request).client_ip, now=now)
    return key


def confidential_client(request: HttpRequest, now: dt.datetime) -> ApiKey:
    """Return the secret key of a pair in `Authorization: Basic`. Raises: Refused."""
    basic = read_basic(request)
    if basic is None:
        raise _unknown_client(
            request,
            "Send Authorization: Basic base64(publishable key:secret key), two keys of one application and mode.",
        )
    try:
        public, private = check_client(client_id=basic[0], secret=basic[1], now=now)
    except KeyRefused as why:
        raise _unknown_client(request, str(why)) from None
    count_token(request, private.pk)
    for key in (public, private):
        note_key_use(api_key=key, ip=seen(request).client_ip, now=now)
    return private


def any_client(request: HttpRequest, body: Mapping[str, Any], now: dt.datetime) -> ApiKey:
    """Return the key of a public client (client_id) or of a confidential one (Basic). Raises: Refused."""
    if request.headers.get("Authorization", "").strip():
        return confidential_client(request, now)
    client_id = body.get("client_id", "")
    try:
        if not isinstance(client_id, str):
            raise KeyRefused("client_id is not a text: send your publishable key.")
        key = check_api_key(client_id, needed=KeyKind.PUBLISHABLE, name="client_id", now=now)
    except KeyRefused as why:
        raise _unknown_client(request, str(why)) from None
    # A publishable key is public: whoever knows it must not be able to use up its minute everywhere.
    count_token(request, f"{key.pk} {seen(request).client_ip}")
    note_key_use(api_key=key, ip=seen(request).client_ip, now=now)
    return key


def management_key(request: HttpRequest, now: dt.datetime) -> ApiKey:
    """Return the management key of the bearer: RFC 7591's initial access token. Raises: Refused, Throttled."""
    value = read_bearer(request)
    try:
        key = check_api_key(value, needed=KeyKind.MANAGEMENT, name="The bearer", now=now)
    except KeyRefused as why:
        count_stranger(request)
        challenge = f'{BEARER}, error="invalid_token"' if value else BEARER
        raise Refused(401, str(why), error="invalid_token", authenticate=challenge) from None
    count_link(request, key.pk)
    note_key_use(api_key=key, ip=seen(request).client_ip, now=now)
    return key


def patient_access(request: HttpRequest, now: dt.datetime) -> PatientAccess:
    """Return what a patient's access token opens. Raises: Refused, Throttled."""
    token = read_bearer(request)
    if not token:
        message = "No access token was sent: send Authorization: Bearer <the patient's access token>."
        raise Refused(401, message, authenticate=BEARER)
    try:
        access = find_patient_access(token, now=now)
    except InvalidToken:  # not counted: nobody guesses a signature, and ended tokens must hear 401, not 429
        raise Refused(401, "Invalid access token", authenticate=f'{BEARER}, error="invalid_token"') from None
    count_link(request, access.claims.jti)
    return access


def key_actor(request: HttpRequest, key: ApiKey) -> Actor:
    return actor_behind(request, ActorKind.KEY, actor_id=key.pk, label=str(key))


def _unknown_client(request: HttpRequest, why: str) -> Refused:
    """Raises: Throttled."""
    count_stranger(request)
    told = f"{WRONG_CLIENT}. {why}"
    return Refused(401, told, error="invalid_client", authenticate=BASIC, known=WRONG_CLIENT)
