"""The folder of public data as records: what one patient's source would hold, resource by resource.

Owns the cutting of files into resources, byte for byte; refuses to judge them. Bundles of every type are unpacked;
single resources and NDJSON of one folder are one record, as a bulk export is; in `odd` each file is its own.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

FILE_NAME = re.compile(r".+\.(nd)?json(\.gz)?")
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Given:
    """One resource as a file has it, with what its Bundle says about it."""

    raw: bytes
    full_url: str | None = None
    search: bytes = b""


@dataclass(frozen=True, slots=True)
class Record:
    """What one source holds for one patient; `files` is how many files it was read from."""

    name: str
    files: int
    given: tuple[Given, ...]

    @property
    def data_set(self) -> str:
        parts = self.name.split("/")
        return "/".join(parts[:2]) if parts[0] in ("odd", "servers", "linking") else parts[0]


@dataclass(frozen=True, slots=True)
class Folder:
    """All records, and the documents that are no JSON on purpose, by name."""

    records: tuple[Record, ...]
    broken: dict[str, bytes]


def read_folder(folder: Path) -> Folder:
    records: list[Record] = []
    loose: dict[str, list[tuple[Path, list[bytes]]]] = {}
    broken: dict[str, bytes] = {}
    for path in sorted(each for each in folder.glob("*/**/*") if FILE_NAME.fullmatch(each.name)):
        name = str(path.relative_to(folder))
        documents = _documents(path)
        whole = []
        for number, document in enumerate(documents):
            if _is_json(document):
                whole.append(document)
            else:
                broken[f"{name}:{number}"] = document
        for number, document in enumerate(whole):
            if (entries := _entries(document)) is not None:
                is_only = len(documents) == 1
                records.append(Record(name if is_only else f"{name}:{number}", int(is_only), entries))
        if len(whole) > 1 or (whole and _entries(whole[0]) is None):
            group = name if name.startswith("odd/") else name.rpartition("/")[0]
            loose.setdefault(group, []).append((path, whole))
    for group, files in loose.items():
        given = tuple(Given(document) for _, whole in files for document in whole)
        records.append(Record(group, len(files), given))
    return Folder(tuple(sorted(records, key=lambda record: record.name)), broken)


def _documents(path: Path) -> list[bytes]:
    body = path.read_bytes()
    body = (gzip.decompress(body) if path.suffix == ".gz" else body).removeprefix(BOM)
    if ".ndjson" not in path.name:
        return [body]
    return [line.strip() for line in body.split(b"\n") if line.strip()]


def _is_json(document: bytes) -> bool:
    try:
        json.loads(document)
    except ValueError:
        return False
    return True


class _Entry(msgspec.Struct):
    full_url: Any = msgspec.field(name="fullUrl", default=None)
    resource: Raw = Raw()
    search: Raw = Raw()


class _Bundle(msgspec.Struct):
    resource_type: Any = msgspec.field(name="resourceType", default=None)
    entry: list[_Entry] | None = None


def _entries(document: bytes) -> tuple[Given, ...] | None:
    """Cut a Bundle into its resources; None for what is no Bundle."""
    try:
        bundle = msgspec.json.decode(document, type=_Bundle)
    except msgspec.ValidationError:
        return None
    if bundle.resource_type != "Bundle":
        return None
    return tuple(
        Given(
            bytes(entry.resource),
            entry.full_url if isinstance(entry.full_url, str) else None,
            bytes(entry.search),
        )
        for entry in bundle.entry or ()
        if bytes(entry.resource)
    )
