"""What lies below the prefix: listed and read in sessions that can do nothing else.

Owns which permission a refusal is about. Refuses to trust a checksum that does not cover the whole object, and any key
outside the destination's prefix. Source: S3 API, ListObjectsV2, HeadObject ("Permissions": a checksum needs kms:Decrypt
where a key is used), GetObject.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ...advice.reading import DECRYPT, LIST, READ
from ..base import StoredObject
from .config import S3Config
from .failures import SESSION_IS_OVER, S3Failure, failure, own_failure
from .identity import utc_now
from .sessions import Session, Sessions
from .write import owner_header

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PAGE = 1000
CHUNK_BYTES = 2**20
GONE = frozenset({"404", "NoSuchKey"})
# An answer to HEAD has no body, so no code but its status.
OVER = SESSION_IS_OVER | {"400"}
Answer = TypeVar("Answer")


class Reader:
    """Lists and reads for one destination; safe to share between threads."""

    def __init__(self, sessions: Sessions, config: S3Config) -> None:
        self._sessions = sessions
        self._config = config
        self._lock = Lock()
        self._session: Session | None = None

    def inventory(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """Yield objects in the order of their keys. Raises: S3Failure."""
        place: dict[str, Any] = {"Prefix": prefix, "MaxKeys": PAGE, **self._place()}
        if after:
            place["StartAfter"] = after
        is_last = False
        while not is_last:
            page = self._ask(LIST, partial(_list, place=place))
            for each in page.get("Contents", []):
                yield StoredObject(
                    key=each["Key"],
                    size_bytes=each["Size"],
                    etag=each.get("ETag", ""),
                    modified_at=each["LastModified"],
                )
            is_last = not page.get("IsTruncated")
            place["ContinuationToken"] = page.get("NextContinuationToken", "")

    def checksum(self, key: str) -> str | None:
        """Return the SHA-256 of an object in hex, None if it is gone. Raises: S3Failure."""
        place = {"Key": key, **self._place()}
        try:
            head = self._ask(READ, lambda client: client.head_object(**place, ChecksumMode="ENABLED"))
            known: str = head.get("ChecksumSHA256", "")
            if known and "-" not in known:  # one with a dash is made of the checksums of parts
                return base64.b64decode(known).hex()
            return self._ask(READ, lambda client: _hash(client, place))
        except S3Failure as refused:
            if refused.code in GONE:
                return None
            # AWS hides what is gone behind the same refusal.
            if refused.code == "AccessDenied" and not self._is_there(key):
                return None
            raise self._explained(place, refused) from None

    def _explained(self, place: dict[str, Any], refused: S3Failure) -> S3Failure:
        """Return the failure that names the permission which is missing: the head alone needs no key."""
        if refused.code != "AccessDenied":
            return refused
        try:
            self._ask(READ, lambda client: client.head_object(**place))
        except S3Failure:
            return refused
        return own_failure("AccessDenied", stage=DECRYPT, config=self._config, request_id=refused.request_id)

    def _is_there(self, key: str) -> bool:
        first = next(self.inventory(key), None)
        return first is not None and first.key == key

    def _ask(self, stage: str, ask: Callable[[S3Client], Answer]) -> Answer:
        """Ask in a session that is fresh; one that ended is renewed once. Raises: S3Failure."""
        session = self._begun(None)
        try:
            return ask(session.client)
        except (ClientError, BotoCoreError) as error:
            ended = failure(error, stage=stage, config=self._config)
        if ended.code not in OVER:
            raise ended
        session = self._begun(session)
        try:
            return ask(session.client)
        except (ClientError, BotoCoreError) as error:
            raise failure(error, stage=stage, config=self._config) from None

    def _begun(self, ended: Session | None) -> Session:
        """Return a session, another one than `ended`. Raises: S3Failure."""
        with self._lock:
            mine = self._session
            if mine is None or mine is ended or not mine.credentials.is_fresh(utc_now()):
                mine = self._session = self._sessions.begin_reading(self._config)
            return mine

    def _place(self) -> dict[str, Any]:
        return {"Bucket": self._config.bucket, **owner_header(self._config)}


def _list(client: S3Client, place: dict[str, Any]) -> Any:
    return client.list_objects_v2(**place)


def _hash(client: S3Client, place: dict[str, Any]) -> str:
    """Read an object whose checksum AWS does not know, because somebody else put it there."""
    digest = hashlib.sha256()
    with closing(client.get_object(**place)["Body"]) as body:
        for chunk in body.iter_chunks(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
