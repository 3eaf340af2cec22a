"""The refusals of the local AWS and how each service writes them on the wire.

Owns status, code and message of an error; refuses to know why it was raised.
Source: S3 API, "Error responses"; AWS query protocol, "ErrorResponse"; AWS JSON 1.1 protocol, "__type".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from xml.sax.saxutils import escape

from apps.sandbox.cloud.messages import Answer

XML_NAMESPACES = {
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
}


class AwsError(Exception):
    """A request that ends with an AWS error code."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = dict(fields or {})
        self.headers = dict(headers or {})


class NotModelledError(AwsError):
    """Something that AWS knows and the local AWS does not: said aloud, never let through."""

    def __init__(self, what: str) -> None:
        super().__init__(501, "NotImplemented", f"the local AWS does not model {what}")


def access_denied(message: str = "Access Denied") -> AwsError:
    """Build the refusal that every service shares."""
    return AwsError(403, "AccessDenied", message)


def render_error(error: AwsError, *, service: str, method: str, request_id: str) -> Answer:
    """Write an error the way the service does; a HEAD answer has no body, so only the status speaks.

    Shape: S3 `<Error><Code/><Message/>…</Error>`; STS and IAM `<ErrorResponse><Error>…</Error>…`; KMS JSON.
    """
    if service == "kms":
        told = {"__type": error.code, "message": error.message} | error.fields
        headers = {"content-type": "application/x-amz-json-1.1", **error.headers}
        return Answer(error.status, headers, json.dumps(told).encode())
    parts = {"Code": error.code, "Message": error.message} | error.fields
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in parts.items())
    tail = f"<RequestId>{request_id}</RequestId>"
    if service in XML_NAMESPACES:
        kind = "Sender" if error.status < 500 else "Receiver"
        body = (
            f'<ErrorResponse xmlns="{XML_NAMESPACES[service]}"><Error><Type>{kind}</Type>{inner}</Error>'
            f"{tail}</ErrorResponse>"
        )
    else:
        body = f"<Error>{inner}{tail}</Error>"
    content = b"" if method == "HEAD" else f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode()
    return Answer(error.status, {"content-type": "application/xml", **error.headers}, content)
