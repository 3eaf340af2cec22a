"""What survives a restart: control calls in the order they were made, and objects as files.

Owns one folder (mode 0700, files 0600): `calls.jsonl` is replayed through the storehouse; each object is a
`.json` with its headers, moved into place after its `.body`. Sessions and unfinished uploads do not survive.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import threading
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from apps.sandbox.cloud.storehouse import Call, Storehouse


class JournalError(Exception):
    """The folder holds something that cannot be played back."""


def _write(path: Path, content: bytes) -> None:
    """Write a private file that is whole or absent."""
    fresh = path.with_name(f"{path.name}.{uuid.uuid4().hex}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


class Journal:
    """The folder that `--state` names."""

    def __init__(self, folder: Path) -> None:
        self._objects = folder / "objects"
        self._calls = folder / "calls.jsonl"
        self._writing = threading.Lock()
        for path in (folder, self._objects):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._owned = os.open(folder / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._owned, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._owned)
            raise JournalError("another local AWS uses this state folder") from error

    def close(self) -> None:
        """Let the next local AWS have the folder."""
        os.close(self._owned)

    def record_call(self, call: Call, key: dict[str, str]) -> None:
        """Add a control call that succeeded; `key` is the access key or KMS key that it made, else empty.

        Shape: one JSON object a line; the body is base64.
        """
        kept = {name: value for name, value in call.headers.items() if name in ("content-type", "x-amz-target")}
        line = {
            "account": call.account,
            "service": call.service,
            "region": call.region,
            "method": call.method,
            "target": call.target,
            "headers": kept,
            "body": base64.b64encode(call.body).decode(),
            "key": key,
        }
        descriptor = os.open(self._calls, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with self._writing, os.fdopen(descriptor, "ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def keep_object(self, bucket: str, key: str, storehouse: Storehouse) -> None:
        """Write an object as it is now; an older body of the same key is dropped afterwards."""
        found = storehouse.find_object(bucket, key)
        if found is None:
            raise JournalError("an object vanished while it was written")
        place = self._place(bucket, key)
        old = self._body_of(place)
        body = f"{place.stem}.{uuid.uuid4().hex}.body"
        _write(self._objects / body, found.value)
        headers = {name.lower(): str(value) for name, value in found.metadata.items()}
        headers |= storehouse.read_encryption(found)
        headers["x-amz-storage-class"] = found.storage_class or "STANDARD"
        if found.checksum_algorithm and found.checksum_value and found.multipart is None:
            headers["x-amz-sdk-checksum-algorithm"] = found.checksum_algorithm
            headers[f"x-amz-checksum-{found.checksum_algorithm.lower()}"] = found.checksum_value
        record = {
            "bucket": bucket,
            "key": key,
            "headers": headers,
            "etag": found.etag.strip('"'),
            "last_modified": found.last_modified.isoformat(),
            "body": body,
        }
        _write(place, json.dumps(record).encode())
        if old is not None:
            old.unlink(missing_ok=True)

    def forget_object(self, bucket: str, key: str) -> None:
        place = self._place(bucket, key)
        body = self._body_of(place)
        place.unlink(missing_ok=True)
        if body is not None:
            body.unlink(missing_ok=True)

    def replay(self, storehouse: Storehouse) -> None:
        """Bring an empty storehouse to the state of the folder. Raises: JournalError."""
        for line in self._read_calls():
            self._replay_call(line, storehouse)
        wanted = set()
        for place in sorted(self._objects.glob("*.json")):
            wanted.add(self._replay_object(json.loads(place.read_bytes()), storehouse))
        for stray in self._objects.iterdir():
            if stray.suffix != ".json" and stray.name not in wanted:
                stray.unlink()

    def _read_calls(self) -> list[dict[str, Any]]:
        """Read the calls; a last line that a crash cut off was never answered and is taken away."""
        if not self._calls.exists():
            return []
        content = self._calls.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            _write(self._calls, whole)
        return [json.loads(line) for line in whole.splitlines()]

    def _replay_call(self, line: dict[str, Any], storehouse: Storehouse) -> None:
        key = line.pop("key")
        call = Call(**{**line, "body": base64.b64decode(line["body"])})
        if storehouse.call(call).status >= 300:
            raise JournalError(f"a call of {call.service} in calls.jsonl cannot be played back")
        if "KeyId" in key:
            storehouse.rename_newest_kms_key(call.account, call.region, key["KeyId"])
        elif key:
            storehouse.rename_newest_key(
                call.account, key["UserName"], key_id=key["AccessKeyId"], secret=key["SecretAccessKey"]
            )

    def _replay_object(self, record: dict[str, Any], storehouse: Storehouse) -> str:
        bucket = storehouse.find_bucket(record["bucket"])
        if bucket is None:
            raise JournalError("an object belongs to a bucket that calls.jsonl does not make")
        body = (self._objects / record["body"]).read_bytes()
        call = Call(
            account=bucket.account,
            service="s3",
            region=bucket.region,
            method="PUT",
            target=f"/{bucket.name}/{quote(record['key'], safe='/')}",
            headers=record["headers"],
            body=body,
        )
        storehouse.call(call)
        found = storehouse.find_object(bucket.name, record["key"])
        if found is None:
            raise JournalError("an object cannot be played back")
        found._etag = record["etag"]
        found.last_modified = datetime.fromisoformat(record["last_modified"])
        return str(record["body"])

    def _place(self, bucket: str, key: str) -> Path:
        digest = hashlib.sha256(f"{bucket}/{key}".encode()).hexdigest()
        return self._objects / f"{digest}.json"

    def _body_of(self, place: Path) -> Path | None:
        if not place.exists():
            return None
        return self._objects / str(json.loads(place.read_bytes())["body"])
