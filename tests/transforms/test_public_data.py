"""Every JSON and NDJSON file of the public data through codec and pipeline, judged by the stdlib's parser."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.fhir.codec import CodecError, decode, encode, split_bundle
from apps.fhir.ndjson import split_lines
from apps.transforms.pipeline import ResourceError, transform

from .sources import BASE, CONTEXT

pytestmark = pytest.mark.shared_data

DATA = Path(os.environ["PUBLIC_DATA"])
FILES = sorted(path for path in DATA.rglob("*") if re.search(r"\.(nd)?json(\.gz)?$", path.name))
UUID5 = re.compile(r"[A-Z][A-Za-z]+/[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_folder_holds_data() -> None:
    assert len(FILES) > 100


def documents(path: Path) -> Iterator[bytes]:
    body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return split_lines(body) if ".ndjson" in path.name else iter([body])


def strict(raw: bytes) -> Any:
    """Parse with the standard library: number texts kept, what JSON does not have refused."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    text = raw.decode("utf-8-sig")
    value = json.loads(
        text,
        parse_int=lambda digits: ("number", digits),
        parse_float=lambda digits: ("number", digits),
        parse_constant=refuse,
    )
    json.dumps(value, ensure_ascii=False).encode()
    return value


def resources(document: bytes, value: Any) -> list[tuple[bytes, str | None]]:
    if isinstance(value, dict) and value.get("resourceType") == "Bundle":
        expected = [entry["resource"] for entry in value.get("entry") or () if "resource" in entry]
        page = split_bundle(document)
        raws = [(entry.raw, entry.full_url) for entry in page.entries]
        assert len(raws) + len(page.outcomes) == len(expected)
        kept = [resource for resource in expected if not is_outcome(resource, page.outcomes)]
        assert [strict(raw) for raw, _ in raws] == kept
        return raws
    return [(document, None)]


def is_outcome(resource: Any, outcomes: list[bytes]) -> bool:
    return any(strict(outcome) == resource for outcome in outcomes)


def masked(node: Any) -> Any:
    """The node with every reference string hidden: all else must be untouched."""
    if isinstance(node, list):
        return [masked(child) for child in node]
    if isinstance(node, dict):
        return {key: "…" if key == "reference" and isinstance(value, str) else masked(value)
                for key, value in node.items()}  # fmt: skip
    return node


def reference_strings(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for child in node:
            yield from reference_strings(child)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "reference" and isinstance(value, str):
                yield value
            else:
                yield from reference_strings(value)


def check_line(raw: bytes, full_url: str | None) -> None:
    before = strict(raw)
    done = transform(raw, context=CONTEXT, full_url=full_url)
    after = strict(done.line)
    assert b"\n" not in done.line
    assert list(after)[: len(before)] == list(before)
    for key, value in before.items():
        if key == "identifier" and isinstance(value, list):
            assert masked(after[key])[: len(value)] == masked(value)
        elif key not in ("id", "meta"):
            assert masked(after[key]) == masked(value)
    source_url = f"{BASE}/{before['resourceType']}/{id_of(before, full_url)}"
    assert after["id"] == done.id
    assert after["meta"]["source"] == (full_url if full_url and full_url.startswith("http") else source_url)
    check_references(before, after, {target.local for target in done.targets})
    assert transform(raw, context=CONTEXT, full_url=full_url) == done


def check_references(before: Any, after: Any, targets: set[str]) -> None:
    """No relative reference is left with a source id, none is lost, and no other form has changed."""
    if before["resourceType"] == "Bundle":
        assert list(reference_strings(after)) == list(reference_strings(before))
        return
    local = set()
    for old, new in zip(reference_strings(before), reference_strings(after), strict=True):
        if re.match(r"[A-Z][A-Za-z]+/\S+$", old):
            assert UUID5.fullmatch(new)
            local.add(new)
        elif re.match(r"[A-Z][A-Za-z]+\?", old):
            assert new == f"{BASE}/{old}"
        else:
            assert new == old
    assert targets == local - {f"{after['resourceType']}/{after['id']}"}


def id_of(value: dict[str, Any], full_url: str | None) -> Any:
    """A resource without an id has the one of its fullUrl."""
    found = re.fullmatch(rf"urn:(?:uuid|oid):(.*)|.*/{value.get('resourceType')}/(.*)", full_url or "")
    return value.get("id") or (found and (found[1] or found[2]))


def expected_refusal(value: Any, full_url: str | None) -> str | None:
    if not isinstance(value, dict):
        return "malformed"
    if not value.get("resourceType"):
        return "missing-type"
    if not re.fullmatch("[A-Z][A-Za-z]+", str(value["resourceType"])):
        return "malformed"
    source_id = id_of(value, full_url)
    if not source_id:
        return "missing-id"
    return None if isinstance(source_id, str) and re.fullmatch(r"[^\s?#]+", source_id) else "malformed"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DATA)))
def test_file(path: Path) -> None:
    for document in documents(path):
        try:
            value = strict(document)
        except (ValueError, RecursionError):
            with pytest.raises(CodecError):
                decode(document)
            continue
        if isinstance(value, dict):
            assert strict(encode(decode(document))) == value
        entries = resources(document, value)
        for raw, full_url in entries:
            if code := expected_refusal(strict(raw), full_url):
                with pytest.raises(ResourceError) as refusal:
                    transform(raw, context=CONTEXT, full_url=full_url)
                assert refusal.value.code == code
            else:
                check_line(raw, full_url)
