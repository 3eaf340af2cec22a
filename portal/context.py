"""What every template may name: the brand, the request id, the scope; for the console's rail, what waits there."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from apps.support.selectors import count_waiting
from portal.site import support_site


def brand(request: HttpRequest) -> dict[str, Any]:
    return {
        "brand_name": settings.BRAND_NAME,
        "scope": getattr(request, "scope", None),
        "request_id": getattr(request, "request_id", ""),
        "demo": settings.DEMO,
        "count_waiting": partial(_count_waiting, request),
    }


def _count_waiting(request: HttpRequest) -> dict[str, int]:
    """Count for the console's rail; nothing for staff who may not enter, on the page that says so."""
    return count_waiting() if support_site.has_permission(request) else {}
