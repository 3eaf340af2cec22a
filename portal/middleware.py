"""What every response has: a request id, a content policy, and a client address that a proxy cannot forge."""

from __future__ import annotations

import ipaddress
import logging
import uuid
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse

from apps.audit.request_facts import seen
from apps.workers.telling import told

Handler = Callable[[HttpRequest], HttpResponse]
# The strict variant of D12; consent and widget pages set their own header (rulings A1).
STRICT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


logger = logging.getLogger("relay.web")


class RequestIdMiddleware:
    """Every answer carries `X-Request-Id` (wire contract 2); the id is ours, never the caller's.

    What fails is logged under it by class, place and route: paths may hold tickets, messages may hold data.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = seen(request).request_id = str(uuid.uuid4())
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        if isinstance(exception, Http404 | PermissionDenied | SuspiciousOperation):
            return
        route = request.resolver_match.route if request.resolver_match else "?"
        logger.error("request %s %s %s: %s", seen(request).request_id, request.method, route, told(exception))


class ContentPolicyMiddleware:
    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", STRICT_POLICY)
        return response


class ProxyMiddleware:
    """Believe `X-Forwarded-For` and `-Proto` only from `TRUSTED_PROXIES` (rulings C3)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.trusted = [ipaddress.ip_network(each) for each in settings.TRUSTED_PROXIES]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        address = request.META.get("REMOTE_ADDR", "")
        if self._is_trusted(address):
            hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
            while hops and self._is_trusted(address) and _is_address(hops[-1]):
                address = hops.pop()
            if request.headers.get("X-Forwarded-Proto") == "https":
                request.META["wsgi.url_scheme"] = "https"
        seen(request).client_ip = address
        request.META["REMOTE_ADDR"] = address
        return self.get_response(request)

    def _is_trusted(self, address: str) -> bool:
        if not _is_address(address):
            return False
        parsed = ipaddress.ip_address(address)
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
            parsed = parsed.ipv4_mapped  # how a dual-stack socket names an IPv4 proxy
        return any(parsed in network for network in self.trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
