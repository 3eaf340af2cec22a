"""A FHIR source over real HTTP that shows records of public data as a payer would, byte for byte.

Owns CapabilityStatement, read by id, search by patient in pages and by `_id`; refuses to parse a resource.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from .folder import Given

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TOKEN = "token-0"
MEDIA_TYPE = "application/fhir+json"


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Say nothing."""


@dataclass
class Offer:
    """What the source shows of one patient: resources by the type under which a search finds them.

    Types of `by_id` are found by id only. `statement` and `page` stand for answers that are bytes of somebody else.
    """

    patient_id: str
    patient: bytes
    by_type: dict[str, list[Given]]
    by_id: dict[str, dict[str, Given]] = field(default_factory=dict)
    statement: bytes | None = None
    page: Callable[[str, bytes], bytes] = field(default=lambda kind, body: body)


class PublicSource:
    """Offers by name; each is a FHIR base of its own."""

    def __init__(self) -> None:
        self.offers: dict[str, Offer] = {}

    def __enter__(self) -> PublicSource:
        self.server = make_server("127.0.0.1", 0, self._respond, threaded=False, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def base(self, name: str) -> str:
        return f"{self.url}/{name}/fhir"

    def _respond(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        name, _, rest = request.path.strip("/").partition("/fhir/")
        status, body = self._answer(self.offers[name], self.base(name), rest, request)
        return Response(body, status, content_type=MEDIA_TYPE)(environ, start_response)

    def _answer(self, offer: Offer, base: str, path: str, request: Request) -> tuple[int, bytes]:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, _encoded({"resourceType": "OperationOutcome", "issue": []})
        kind, _, pk = path.partition("/")
        if kind == "metadata":
            return 200, offer.statement or _statement(offer)
        if (kind, pk) == ("Patient", offer.patient_id):
            return 200, offer.patient
        if "_id" in request.args and kind in offer.by_id:
            wanted = request.args["_id"].split(",")
            found = [offer.by_id[kind][each] for each in wanted if each in offer.by_id[kind]]
            return 200, bundle(found, "")
        if pk or request.args.get("patient") != offer.patient_id:
            return 404, _encoded({"resourceType": "OperationOutcome", "issue": []})
        found = offer.by_type.get(kind, [])
        count, number = int(request.args["_count"]), int(request.args.get("page", "0"))
        query = urlencode({"patient": offer.patient_id, "_count": count, "page": number + 1})
        following = f"{base}/{kind}?{query}" if len(found) > (number + 1) * count else ""
        return 200, offer.page(kind, bundle(found[number * count : (number + 1) * count], following))


def _statement(offer: Offer) -> bytes:
    searched = [{"type": kind, "searchParam": [{"name": "patient"}]} for kind in offer.by_type]
    by_id = [{"type": kind, "searchParam": [{"name": "_id"}]} for kind in offer.by_id]
    rest = [{"mode": "server", "resource": searched + by_id}]
    return _encoded({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": rest})


def bundle(given: Sequence[Given], following: str) -> bytes:
    link = [{"relation": "next", "url": following}] if following else []
    head = _encoded({"resourceType": "Bundle", "type": "searchset", "link": link})[:-1]
    return head + b',"entry":[' + b",".join(_entry(each) for each in given) + b"]}"


def _entry(given: Given) -> bytes:
    head = b"" if given.full_url is None else b'"fullUrl":' + _encoded(given.full_url) + b","
    tail = b',"search":' + given.search if given.search else b""
    return b"{" + head + b'"resource":' + given.raw + tail + b"}"


def _encoded(value: Any) -> bytes:
    return json.dumps(value).encode()
