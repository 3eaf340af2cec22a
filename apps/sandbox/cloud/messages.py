"""A request as it came in and an answer as it goes out.

Owns the reading of a WSGI environment with the path and header names as they were sent (a signature covers
them); refuses to judge what it reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

# Set by our request handler: the headers with their names as sent, which WSGI would fold.
RAW_HEADERS = "local_aws.headers"


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """One request; header names are in lower case, `target` is the request line's path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    remote_address: str = "127.0.0.1"
    is_secure: bool = False

    @property
    def raw_path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def path(self) -> str:
        return unquote(self.raw_path)

    @property
    def raw_query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.raw_query.replace("+", "%2B"), keep_blank_values=True))

    def read_form(self) -> dict[str, str]:
        """Read the parameters of a query-protocol call (STS, IAM)."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; the content length is added when it is sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def read_request(environ: Mapping[str, Any]) -> AwsRequest:
    """Read the whole request, body included, from a WSGI environment."""
    headers: dict[str, str] = {}
    for name, value in environ[RAW_HEADERS]:
        lowered = name.lower()
        headers[lowered] = f"{headers[lowered]},{value}" if lowered in headers else value
    length = int(environ.get("CONTENT_LENGTH") or 0)
    stream = environ["wsgi.input"]
    body = stream.read() if environ.get("wsgi.input_terminated") else stream.read(length)
    return AwsRequest(
        method=environ["REQUEST_METHOD"],
        target=environ["RAW_URI"],
        headers=headers,
        body=body,
        remote_address=environ.get("REMOTE_ADDR", "127.0.0.1"),
        is_secure=environ.get("wsgi.url_scheme") == "https",
    )
