"""What a refusal looks like at each face, and what it must not do or say."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection, transaction

from apps.applications.models import RateWindow

from .routes import Face

PROBLEM = {"type", "title", "status", "detail", "code", "request_id"}
LINK = {"statusCode", "error", "message", "error_description"}
# A session is touched by looking, a caller's minute by asking; "last used" of a key is an update, not a row.
UNCOUNTED = {Session, RateWindow}


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)


def fault_of(answer: Any, face: Face) -> str:
    """Return what is wrong with the shape of a refusal, or "" if it is the face's own."""
    status, kind, body = answer.status_code, answer.headers.get("Content-Type", ""), body_of(answer)
    if status >= 500 and status != 501:
        return f"{status}"
    if status < 400:
        return ""
    if "X-Request-Id" not in answer.headers:
        return "no request id"
    if status == 405 and not answer.headers.get("Allow"):
        return "405 without Allow"
    if face in (Face.API, Face.SESSION):
        return _problem_fault(status, kind, body)
    if face is Face.FHIR:
        return _outcome_fault(kind, body)
    if face is Face.LINK:
        return _link_fault(status, kind, body)
    if not kind.startswith("text/html"):
        return f"{status} of type {kind}"
    return "" if b"<h1" in body else f"{status} page without a heading"


def _problem_fault(status: int, kind: str, body: bytes) -> str:
    if kind != "application/problem+json":
        return f"{status} of type {kind}"
    found = json.loads(body)
    if set(found) - {"errors"} != PROBLEM or found["status"] != status:
        return f"{status} with {sorted(found)}"
    if status == 400 and found["code"] == "invalid" and not all(e["message"] for e in found["errors"]):
        return "an error without a message"
    return "" if found["detail"] and found["title"] else "an empty problem"


def _outcome_fault(kind: str, body: bytes) -> str:
    if kind != "application/fhir+json":
        return f"type {kind}"
    found = json.loads(body)
    issue = found["issue"][0]
    whole = found["resourceType"] == "OperationOutcome" and issue["severity"] == "error" and issue["details"]["text"]
    return "" if whole and issue["code"] else f"outcome {found}"


def _link_fault(status: int, kind: str, body: bytes) -> str:
    if kind != "application/json":
        return f"{status} of type {kind}"
    found = json.loads(body)
    if set(found) != LINK or found["statusCode"] != status:
        return f"{status} with {sorted(found)}"
    # `message` is the words that clients know, and `error_description` may go on to say why.
    is_whole = found["error"] and found["message"] and found["error_description"].startswith(found["message"])
    return "" if is_whole else "an empty refusal"


class Fields(HTMLParser):
    """Fields and complaints of a page: which field is marked wrong, and which complaint it points to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.complaints: set[str] = set()
        self.described: dict[str, list[str]] = {}
        self.invalid: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        if tag == "ul" and "errorlist" in given.get("class", "") and "nonfield" not in given["class"]:
            self.complaints.add(given.get("id", ""))
        name = given.get("name") or given.get("id") or tag
        if "aria-describedby" in given:
            self.described[name] = given["aria-describedby"].split()
        if given.get("aria-invalid") == "true" and "name" in given:
            self.invalid.add(given["name"])

    @property
    def faults(self) -> list[str]:
        """Return complaints that no field points to, and pointers that lead nowhere."""
        pointed = {each for ids in self.described.values() for each in ids}
        return sorted(self.complaints - pointed) + sorted(f"dangling {each}" for each in pointed - self.ids)


def rows_moved() -> dict[str, int]:
    """Return how many rows this transaction has inserted and deleted by now, taken back or not, by table."""
    tables = {model._meta.db_table for model in apps.get_models() if model not in UNCOUNTED and model._meta.managed}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_deleted(oid)"
            " FROM pg_class WHERE relname = ANY(%s) AND relnamespace = 'public'::regnamespace",
            [list(tables)],
        )
        moved = dict(cursor.fetchall())
    assert len(moved) == len(tables)
    return moved


def row_counts(tables: list[str]) -> dict[str, int]:
    counts = (f"SELECT '{table}', count(*) FROM {connection.ops.quote_name(table)}" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(counts))
        return dict(cursor.fetchall())


def ask(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Make a request and take back what it changed; `rows_changed` is what it had changed until then."""
    with transaction.atomic():
        before = rows_moved()
        answer = call(*args, **kwargs)
        body_of(answer) if answer.streaming else None
        # After a failure the database may answer nothing more in this transaction; the status says enough.
        moved = rows_moved() if answer.status_code < 500 else before
        touched = sorted(name for name in moved if moved[name] != before[name])
        after = row_counts(touched) if touched else {}
        transaction.set_rollback(True)
    was = row_counts(touched) if touched else {}
    answer.rows_changed = {name: after[name] - was[name] for name in touched if after[name] != was[name]}
    return answer


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect every line that any logger writes."""
    lines: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.name} {record.getMessage()} {record.exc_text or ''} {record.exc_info or ''}")

    ear = Ear(level=logging.DEBUG)
    loggers = [logging.getLogger(name) for name in ("", "relay", "django", "django.request", "django.security")]
    for logger in loggers:
        logger.addHandler(ear)
    try:
        yield lines
    finally:
        for logger in loggers:
            logger.removeHandler(ear)
