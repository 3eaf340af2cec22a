"""A session of the customer's role that writes into the customer's bucket, encrypted with a key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.sandbox.cloud.world import Keys, Refusal, World, allow

DATA_KEY, DECRYPT = "kms:GenerateDataKey", "kms:Decrypt"
S3_ALONE = allow("s3:*")
EVERYTHING = (S3_ALONE, allow("kms:*"))


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the key "a", and says what it expects of it."""

    world: World
    keys: Keys
    bucket: str

    @property
    def s3(self) -> Any:
        return self.world.client("s3", self.keys)

    def sse(self, key: str, **more: Any) -> dict[str, Any]:
        place = {"Bucket": self.bucket, "Key": "a", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
        return place | more

    def may(self, key: str, **more: Any) -> Any:
        return self.world.allowed(self.s3.put_object, Body=b"1", **self.sse(key, **more))

    def may_not(self, key: str, *codes: Refusal, **more: Any) -> None:
        self.world.refused(self.s3.put_object, *codes, Body=b"1", **self.sse(key, **more))

    def head(self) -> Any:
        root = self.world.client("s3", self.world.root(self.world.customer))
        return self.world.allowed(root.head_object, Bucket=self.bucket, Key="a")


MakeWriter = Callable[..., Writer]
