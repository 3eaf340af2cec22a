"""Six tags that say whose authorization, endpoint and application a resource belongs to.

Owns `meta.tag` of our own systems; refuses to touch tags of others. Source: documented contract, "Tags".
"""

from __future__ import annotations

from typing import Any

from apps.transforms.context import SourceContext


def own_tags(context: SourceContext) -> list[dict[str, str]]:
    """List our tags in their fixed order.

    Shape: Codings {system, code, display?}; only the endpoint has a display, its name.
    """
    base = context.tag_base
    return [
        {"system": f"{base}PatientAuthorizationId", "code": context.authorization_id},
        {"system": f"{base}EndpointId", "code": context.endpoint_id, "display": context.endpoint_name},
        {"system": f"{base}ApplicationId", "code": context.application_id},
        {"system": f"{base}PatientAuthorizationMode", "code": context.mode},
        {"system": f"{base}AuthorizationType", "code": context.authorization_type},
        {"system": f"{base}ConsentId", "code": context.consent_id},
    ]


def replace_own_tags(tags: list[Any], *, context: SourceContext) -> list[Any]:
    """Keep the tags of other systems in their order and put ours after them."""
    own = own_tags(context)
    systems = {tag["system"] for tag in own}
    foreign = [tag for tag in tags if not (isinstance(tag, dict) and tag.get("system") in systems)]
    return [*foreign, *own]
