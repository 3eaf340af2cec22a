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

    Shape: {"add": n or {"Type": n}, "remove", "change", "touch": ["Type/id"]}, answered {"count": n}.
    Raises: BadKnobError, UnknownResourceError.
    """
    amendment = parse_amendment(_object(request.get_json(force=True, silent=True)))
    return responses.json_document({"count": len(state.records.amend(login, amendment))})


def plan_faults(state: State, request: Request) -> Response:
    """Plan failures. Shape: what the table in `fault_knobs` says, or a list of such; answered {"faults": [number]}.

    Raises: BadKnobError.
    """
    value = request.get_json(force=True, silent=True)
    return _planned(state, value if isinstance(value, list) else [_object(value)])


def plan_script(state: State, request: Request) -> Response:
    """Plan several failures at once. Shape: {"faults": [as above]}.

    Raises: BadKnobError.
    """
    script = _object(request.get_json(force=True, silent=True))
    if set(script) != {"faults"} or not isinstance(script["faults"], list):
        raise BadKnobError('A script is {"faults": [...]} and nothing else.')
    return _planned(state, script["faults"])


def show_faults(state: State, request: Request) -> Response:
    """Tell which faults are planned, and what each one did when it struck; the shape is `Faults.show`'s."""
    return responses.json_document(state.faults.show())


def reset(state: State, request: Request) -> Response:
    """Go back to the first state, but for tokens."""
    state.reset()
    return responses.json_document({"status": "reset"})


def show_log(state: State, request: Request) -> Response:
    """List what was asked. Shape: {"requests": [{"method", "path", "query", "status"}]}."""
    return responses.json_document({"requests": state.log.entries()})


def _planned(state: State, script: list[Any]) -> Response:
    return responses.json_document({"status": "planned", "faults": state.faults.plan_all(script)})


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadKnobError("The body is not a JSON object.")
    return value
