"""`/link/sandbox/*`: the consent flow of a synthetic member, walked over the real pages. Test keys only."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import ApiKey
from apps.applications.selectors import find_api_key, list_running_keys
from apps.authorizations.models import OneTimeToken
from apps.authorizations.states import Usage
from apps.directory.models import Endpoint
from apps.encryption.fields import keyring
from apps.outbound.failures import RefusedAddress, SourceError
from apps.sandbox.payer.members import Member, find_member, members_of

from .walker import Walker, WalkFailed

View = Callable[[HttpRequest], JsonResponse]
PUBLIC_TOKEN_FIELDS = ("secret_key", "external_id", "usage", "endpoint_id", "member", "flow")
AUTHORIZE_FIELDS = ("secret_key", "authorize_url", "endpoint_id", "member")
TOKEN_PURPOSE = "authorizations_onetimetoken.digest"  # noqa: S105


class Refusal(Exception):
    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error


def sandbox_view(view: View) -> View:
    """Decorate a view: POST only, every refusal in the shape of the Link API (C39)."""

    @csrf_exempt
    @functools.wraps(view)
    def answered(request: HttpRequest) -> JsonResponse:
        try:
            if request.method != "POST":
                raise Refusal(405, "Method Not Allowed", f"{request.path} takes POST only, this was {request.method}.")
            return view(request)
        except Refusal as refusal:
            response = _refused(refusal)
            if refusal.status == 405:
                response["Allow"] = "POST"
            return response

    return answered


@sandbox_view
def public_token(request: HttpRequest) -> JsonResponse:
    """Link a synthetic member through the widget's flow.

    Shape: {secret_key, external_id, usage, endpoint_id?, member?, flow?}
        -> {public_token, consent_id, patient_authorization_ids}
    """
    body = _body(request, PUBLIC_TOKEN_FIELDS, required=("secret_key", "external_id"))
    key = _test_key(body)
    usage = body.get("usage", Usage.ONE_TIME)
    if usage not in set(Usage):
        raise Refusal(400, "invalid_request", "usage must be ONE_TIME or MULTIPLE.")
    if len(body["external_id"]) > 255 or not body["external_id"].isprintable():
        message = "external_id must be your own id of this user: 1 to 255 printable characters."
        raise Refusal(400, "invalid_request", message)
    if body.get("flow", "oauth") != "oauth":
        raise Refusal(501, "not_supported", "flow: only oauth is built so far; ial1 and ial2 are not.")
    endpoint, member = _endpoint_and_member(body)
    query = {
        "publishableKey": _publishable(key),
        "externalId": body["external_id"],
        "usage": usage,
        "endpoint": str(endpoint.pk),
    }
    token = _walk(f"{settings.PUBLIC_URL}/link/open?{urlencode(query)}", endpoint, member)
    digests = [digest for _, digest in keyring().digests(token, purpose=TOKEN_PURPOSE)]
    consent = OneTimeToken.objects.select_related("consent").get(digest__in=digests).consent
    ids = consent.authorizations.order_by("created_at", "id").values_list("pk", flat=True)
    return JsonResponse(
        {
            "public_token": token,
            "consent_id": str(consent.pk),
            "patient_authorization_ids": [str(pk) for pk in ids],
        }
    )


@sandbox_view
def authorize(request: HttpRequest) -> JsonResponse:
    """{secret_key, authorize_url, member?} -> {redirect_uri} with code and state."""
    body = _body(request, AUTHORIZE_FIELDS, required=("secret_key", "authorize_url"))
    key = _test_key(body)
    url = _split(body.get("authorize_url", ""))
    if f"{url.scheme}://{url.netloc}" != settings.PUBLIC_URL or url.path not in (
        "/link/auth",
        "/oauth/authorize",
    ):
        raise Refusal(
            400,
            "invalid_request",
            f"authorize_url must be a complete {settings.PUBLIC_URL}/link/auth URL.",
        )
    query = parse_qs(url.query)
    client = find_api_key(query.get("client_id", [""])[0], now=timezone.now())
    if client is None or (client.application_id, client.mode) != (key.application_id, key.mode):
        raise Refusal(
            400,
            "invalid_client",
            "client_id of authorize_url is not a publishable key of this application's test mode.",
        )
    chosen = {**body, "endpoint_id": query.get("flexpa_endpoint_id", [body.get("endpoint_id", "")])[0]}
    endpoint, member = _endpoint_and_member(chosen)
    return JsonResponse({"redirect_uri": _walk(body["authorize_url"], endpoint, member)})


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _walk(start: str, endpoint: Endpoint, member: Member) -> str:
    walker = Walker(public_url=settings.PUBLIC_URL, payer_url=settings.SANDBOX_PAYER_URL)
    try:
        return walker.walk(start, member=member, endpoint_id=str(endpoint.pk))
    except (WalkFailed, SourceError, RefusedAddress) as failed:
        raise Refusal(502, "server_error", f"The consent flow did not finish: {failed}") from None
    finally:
        walker.door.close()


def _body(request: HttpRequest, known: tuple[str, ...], *, required: tuple[str, ...]) -> dict[str, str]:
    """Return a JSON object of texts. Raises: Refusal naming every field that is wrong, missing or unknown."""
    if not settings.SANDBOX_PAYER_URL:
        raise Refusal(501, "not_supported", "This installation runs no sandbox payer: set SANDBOX_PAYER_URL.")
    try:
        found = json.loads(request.body or b"{}")
    except RequestDataTooBig:
        raise Refusal(413, "invalid_request", "The body is too large: send the fields of this request only.") from None
    except (ValueError, RecursionError):
        raise Refusal(400, "invalid_request", "The body must be a JSON object of texts.") from None
    if not isinstance(found, dict):
        raise Refusal(400, "invalid_request", "The body must be a JSON object of texts.")
    faults = {
        "Missing": [name for name in required if found.get(name, "") in ("", None)],
        "Not a text": [name for name in known if found.get(name) is not None and not isinstance(found[name], str)],
        "Not readable": [name for name in known if isinstance(found.get(name), str) and not _is_clean(found[name])],
        "Not known": sorted(name[:40] for name in set(found) - set(known) if _is_clean(name)),
    }
    said = " ".join(f"{what}: {', '.join(names)}." for what, names in faults.items() if names)
    if said:
        raise Refusal(400, "invalid_request", f"{said} Send texts; known are {', '.join(known)}.")
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _is_clean(text: str) -> bool:
    return not any(sign == "\x00" or "\ud800" <= sign <= "\udfff" for sign in text)


def _test_key(body: dict[str, Any]) -> ApiKey:
    key = find_api_key(body.get("secret_key", ""), now=timezone.now())
    if key is None or key.kind != KeyKind.SECRET:
        raise Refusal(401, "invalid_client", "secret_key must be a secret test key (sk_test_…).")
    if key.mode != Mode.TEST and not settings.SANDBOX_PAYER_AS_LIVE:
        raise Refusal(403, "unauthorized_client", "The sandbox works with test keys only; this is a live key.")
    return key


def _publishable(key: ApiKey) -> str:
    for each in list_running_keys(key.application_id, Mode(key.mode), now=timezone.now()):
        if each.public_value:
            return each.public_value
    raise Refusal(
        400,
        "invalid_client",
        "This application has no publishable key in this mode. Create one in the portal.",
    )


def _endpoint_and_member(body: dict[str, Any]) -> tuple[Endpoint, Member]:
    """Find the endpoint and a member of its plan; either may be left out and follows from the other."""
    member = find_member(body["member"]) if body.get("member") else None
    if body.get("member") and member is None:
        raise Refusal(400, "invalid_request", "member is no login of a synthetic member.")
    sandbox = Endpoint.objects.filter(fhir_base__startswith=settings.SANDBOX_PAYER_URL, mode=_mode(body))
    endpoints = list(sandbox.order_by("-popularity"))
    if body.get("endpoint_id"):
        endpoints = [each for each in endpoints if str(each.pk) == body["endpoint_id"]]
    elif member is not None:
        endpoints = [each for each in endpoints if _plan(each) == member.plan]
    if not endpoints:
        raise Refusal(400, "invalid_request", "endpoint_id is no sandbox endpoint of this mode.")
    endpoint = endpoints[0]
    if member is None:
        member = members_of(_plan(endpoint))[0]
    if member.plan != _plan(endpoint):
        raise Refusal(400, "invalid_request", "member has no account at that endpoint.")
    return endpoint, member


def _mode(body: dict[str, Any]) -> str:
    return "live" if str(body.get("secret_key", "")).startswith("sk_live_") else "test"


def _plan(endpoint: Endpoint) -> str:
    return endpoint.fhir_base.removeprefix(f"{settings.SANDBOX_PAYER_URL}/").partition("/")[0]


def _refused(refusal: Refusal) -> JsonResponse:
    return JsonResponse(
        {
            "statusCode": refusal.status,
            "error": refusal.error,
            "message": str(refusal),
            "error_description": str(refusal),
        },
        status=refusal.status,
    )
