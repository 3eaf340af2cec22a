"""The knobs over HTTP, for clients on the same machine only."""

from __future__ import annotations

import ipaddress
from typing import Any

from werkzeug.wrappers import Request, Response

from apps.sandbox.payer import responses
from apps.sandbox.payer.control import BadKnobError, parse_amendment
from apps.sandbox.payer.outcomes import Refusal
from apps.sandbox.payer.state import State


def check_local(request: Request) -> None:
    """Refuse clients elsewhere, also those that a proxy on this machine speaks for."""
    proxied = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP"))
    try:
        is_local = ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        is_local = False
    if proxied or not is_local:
        raise Refusal("Only from this machine.", status=403, code="forbidden")


def amend_member(state: State, request: Request, login: str) -> Response:
    """Make a member's next look differ.

    Shape: {"add": n, "remove": ["Type/id"], "change": ["Type/id"]}, answered {"count": n}.
    Raises: BadKnobError, UnknownResourceError.
    """
    add, remove, change = parse_amendment(_knobs(request))
    return responses.json_document({"count": len(state.records.amend(login, add=add, remove=remove, change=change))})


def plan_fault(state: State, request: Request) -> Response:
    """Plan a failure; the shape is `control.Fault`'s.

    Raises: BadKnobError.
    """
    state.faults.plan(_knobs(request))
    return responses.json_document({"status": "planned"})


def reset(state: State, request: Request) -> Response:
    """Forget amendments, faults and the log; tokens stay."""
    state.records.reset()
    state.faults.reset()
    state.log.reset()
    return responses.json_document({"status": "reset"})


def show_log(state: State, request: Request) -> Response:
    """List what was asked. Shape: {"requests": [{"method", "path", "query", "status"}]}."""
    return responses.json_document({"requests": state.log.entries()})


def _knobs(request: Request) -> dict[str, Any]:
    value = request.get_json(force=True, silent=True)
    if not isinstance(value, dict):
        raise BadKnobError("The body is not a JSON object.")
    return value
