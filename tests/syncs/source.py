"""A small FHIR source over HTTP that says what it is told to: for answers that the sandbox payer never gives."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Resource = dict[str, Any]
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Say nothing."""


def resource(kind: str, pk: str, **more: Any) -> Resource:
    return {"resourceType": kind, "id": pk, **more}


@dataclass
class ScriptedSource:
    """`pages` by searchable type, `by_id` by type and id; `next_links` and `refusals` override single answers."""

    pages: dict[str, list[list[Any]]] = field(default_factory=dict)
    by_id: dict[str, dict[str, Resource]] = field(default_factory=dict)
    next_links: dict[tuple[str, int], str] = field(default_factory=dict)
    # How many times a type (or "token", "metadata") still refuses, and with which status.
    refusals: dict[str, tuple[int, int]] = field(default_factory=dict)
    accepted: str = "token-0"
    tokens_issued: int = 0
    log: list[str] = field(default_factory=list)
    before: Callable[[str], None] = field(default=lambda kind: None)

    def __enter__(self) -> ScriptedSource:
        self.server = make_server("127.0.0.1", 0, self._respond, threaded=False, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.base = f"{self.url}/fhir"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def asked(self, kind: str) -> int:
        return sum(each == kind for each in self.log)

    def _respond(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        kind, _, pk = request.path.removeprefix("/fhir/").strip("/").partition("/")
        self.log.append(kind)
        self.before(kind)
        status, times = self.refusals.get(kind, (0, 0))
        if times > 0:
            self.refusals[kind] = (status, times - 1)
            return self._json(OUTCOME, status)
        if kind == "token":
            self.tokens_issued += 1
            self.accepted = f"token-{self.tokens_issued}"
            return self._json({
                "access_token": self.accepted, "refresh_token": "again", "token_type": "Bearer",
                "expires_in": 3600, "patient": "me",
            })  # fmt: skip
        if request.headers.get("Authorization") != f"Bearer {self.accepted}":
            return self._json(OUTCOME, 401)
        if kind == "metadata":
            return self._json(self._statement())
        if pk:
            return self._json(resource(kind, pk))
        if "_id" in request.args:
            wanted = request.args["_id"].split(",")
            return self._json(_bundle([self.by_id[kind][each] for each in wanted if each in self.by_id[kind]], None))
        number = int(request.args.get("page", "1"))
        pages = self.pages[kind]
        following = f"{self.base}/{kind}?page={number + 1}" if number < len(pages) else None
        return self._json(_bundle(pages[number - 1], self.next_links.get((kind, number), following)))

    def _statement(self) -> Resource:
        offered = [{"type": kind, "searchParam": [{"name": "patient"}]} for kind in self.pages]
        offered += [{"type": kind, "searchParam": [{"name": "_id"}]} for kind in self.by_id]
        return resource("CapabilityStatement", "x", rest=[{"mode": "server", "resource": offered}])

    def _json(self, value: Any, status: int = 200) -> Response:
        return Response(json.dumps(value), status, content_type="application/fhir+json")


def _bundle(resources: list[Any], next_url: str | None) -> Resource:
    links = [] if next_url is None else [{"relation": "next", "url": next_url}]
    return {"resourceType": "Bundle", "type": "searchset", "link": links,
            "entry": [{"resource": each} for each in resources]}  # fmt: skip
