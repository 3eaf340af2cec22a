"""One resource through all transforms: bytes of the source in, our line out.

Owns their order and what a broken resource is; refuses anything that needs a second resource (NPIs, links).
Source: architecture D2, D16, D17; documented contract, transforms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeGuard

from apps.fhir import codec
from apps.transforms import fallbacks, identifiers, references, tags
from apps.transforms.context import PIPELINE_VERSION, SourceContext
from apps.transforms.references import Target

__all__ = [
    "MAX_RESOURCE_BYTES",
    "PIPELINE_VERSION",
    "SOURCE_ID",
    "TYPE_NAME",
    "ResourceError",
    "SourceContext",
    "Target",
    "Transformed",
    "source_hash",
    "transform",
]

MAX_RESOURCE_BYTES = 32 * 2**20

TYPE_NAME = re.compile(r"[A-Z][A-Za-z]{1,63}")
# Wider than the standard's id; what a text column and its index can hold.
SOURCE_ID = re.compile(r"[^\s?#\x00-\x1f\x7f]{1,256}")
_VOLATILE_META = ("lastUpdated", "versionId")


class ResourceError(Exception):
    """One resource that cannot be kept; `code` is missing-id, missing-type, malformed or too-large."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformed:
    """A resource as we keep it; `content_hash` ignores meta.lastUpdated and meta.versionId.

    `source_hash` is of all that the line was made from.
    """

    type: str
    id: str
    source_id: str
    source_hash: bytes
    content_hash: bytes
    line: bytes
    targets: tuple[Target, ...]


def source_hash(raw: bytes, *, context: SourceContext, full_url: str | None) -> bytes:
    """Hash everything that a line is made from: the same hash means the same line, without making it."""
    made_from = sha256(context.fingerprint)
    made_from.update((full_url or "").encode("utf-8", "replace"))
    made_from.update(b"\n")
    made_from.update(raw)
    return made_from.digest()


def transform(
    raw: bytes,
    *,
    context: SourceContext,
    full_url: str | None = None,
    made_from: bytes | None = None,
    max_bytes: int = MAX_RESOURCE_BYTES,
) -> Transformed:
    """Turn one resource of a source into the line that we keep.

    Shape: made_from is `source_hash` of the same, where the caller has it already.
    Raises: ResourceError.
    """
    if len(raw) > max_bytes:
        raise ResourceError("too-large", f"The resource has more than {max_bytes} bytes.")
    try:
        resource = codec.decode(raw)
        resource_type, source_id = _type_and_id(resource, full_url)
        resource["id"] = fhir_id = context.new_id(resource_type, source_id)
        identifiers.keep_source_id(
            resource, resource_type=resource_type, source_id=source_id, fhir_base=context.fhir_base
        )
        _mark_origin(resource, f"{context.fhir_base}/{resource_type}/{source_id}", full_url, context)
        fallbacks.fill_missing(resource)
        line, targets = _with_our_references(resource, context)
        targets.pop(f"{resource_type}/{fhir_id}", None)
        content = _without_volatile_meta(line, resource["meta"])
    except codec.CodecError as error:
        raise ResourceError("malformed", str(error)) from None
    return Transformed(
        type=resource_type,
        id=fhir_id,
        source_id=source_id,
        source_hash=made_from or source_hash(raw, context=context, full_url=full_url),
        content_hash=sha256(content).digest(),
        line=line,
        targets=tuple(targets.values()),
    )


def _type_and_id(resource: dict[str, Any], full_url: str | None) -> tuple[str, str]:
    resource_type = resource.get("resourceType")
    source_id = resource.get("id") or _id_in(full_url, resource_type)
    if resource_type in (None, ""):
        raise ResourceError("missing-type", "The resource has no resourceType.")
    if not isinstance(resource_type, str) or not TYPE_NAME.fullmatch(resource_type):
        raise ResourceError("malformed", "The resourceType is not the name of a type.")
    if source_id in (None, ""):
        raise ResourceError("missing-id", "The resource has no id.")
    if not isinstance(source_id, str) or not SOURCE_ID.fullmatch(source_id):
        raise ResourceError("malformed", "The id is not usable as an id.")
    return resource_type, source_id


def _id_in(full_url: str | None, resource_type: object) -> str | None:
    """Return the id that an entry without one has by its fullUrl: `…/Type/id`, or a urn's own UUID or OID.

    Source: FHIR R4 Bundle.entry.fullUrl; resources of documents and collections need no id of their own.
    """
    url = full_url or ""
    for prefix in ("urn:uuid:", "urn:oid:", f"/{resource_type}/"):
        _, found, rest = url.rpartition(prefix)
        if found and (found.startswith("/") or url.startswith(found)):
            return rest
    return None


def _mark_origin(resource: dict[str, Any], source_url: str, full_url: str | None, context: SourceContext) -> None:
    """Set meta.source to the URL at the source and meta.tag to our tags; the rest of meta stays."""
    meta = resource.get("meta") or {}
    foreign = meta.get("tag") or [] if isinstance(meta, dict) else None
    if not isinstance(foreign, list):
        raise ResourceError("malformed", "The meta element has the wrong shape.")
    meta["source"] = full_url if _is_url(full_url) else source_url
    meta["tag"] = tags.replace_own_tags(foreign, context=context)
    resource["meta"] = meta


def _with_our_references(resource: dict[str, Any], context: SourceContext) -> tuple[bytes, dict[str, Target]]:
    """Return the line, and what it refers to; where its text leaves doubts, element by element."""
    line = codec.encode(resource)
    if "reference" in resource or b'"reference":' in codec.encode(resource["meta"]):
        done = None  # no Reference; or an extension of meta, and the hash of the content looks for meta as it was
    else:
        done = references.rewrite_line(line, resource["resourceType"], context)
    if done is not None:
        return done
    targets = references.rewrite_references(resource, context=context)
    return codec.encode(resource), targets


def _is_url(full_url: str | None) -> TypeGuard[str]:
    return full_url is not None and full_url.startswith(("http://", "https://"))


def _without_volatile_meta(line: bytes, meta: dict[str, Any]) -> bytes:
    """Cut what sources change at each read out of the encoded line, without encoding it again."""
    if not any(name in meta for name in _VOLATILE_META):
        return line
    lasting = {name: value for name, value in meta.items() if name not in _VOLATILE_META}
    return line.replace(b'"meta":' + codec.encode(meta), b'"meta":' + codec.encode(lasting), 1)
