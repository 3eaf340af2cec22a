"""What every template may name: the brand, the request id, the scope."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def brand(request: HttpRequest) -> dict[str, Any]:
    return {
        "brand_name": settings.BRAND_NAME,
        "scope": getattr(request, "scope", None),
        "request_id": getattr(request, "request_id", ""),
        "demo": settings.DEMO,
    }
