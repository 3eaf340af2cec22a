"""The FHIR side over HTTP: discovery, search, read, `$everything`; the rules are `fhir_search`'s."""

from __future__ import annotations

import base64
import json

from werkzeug.wrappers import Request, Response

from apps.sandbox.payer import capability, fhir_search, responses
from apps.sandbox.payer.fhir_search import EVERYTHING
from apps.sandbox.payer.grants import BadGrantError
from apps.sandbox.payer.outcomes import Refusal
from apps.sandbox.payer.plans import Plan
from apps.sandbox.payer.records import Record
from apps.sandbox.payer.state import State


def smart_configuration(state: State, request: Request, plan: Plan) -> Response:
    """Tell clients where to sign in. Source: SMART App Launch 2.2, "Conformance"."""
    body = capability.smart_configuration(plan, state.oauth_base(plan))
    return _unless_planned(state, "smart-configuration", Response(body, content_type="application/json"))


def metadata(state: State, request: Request, plan: Plan) -> Response:
    """Tell clients what can be read. Source: FHIR R4 RESTful API, "capabilities"."""
    body = capability.capability_statement(plan, state.fhir_base(plan), state.oauth_base(plan))
    return _unless_planned(state, "metadata", responses.fhir(body))


def search(state: State, request: Request, plan: Plan, type_: str) -> Response:
    """Search one type. Source: FHIR R4 RESTful API, "search"."""
    record = _bearers_record(state, request, plan)
    return _page(state, request, plan, record=record, what=type_, path=type_)


def everything(state: State, request: Request, plan: Plan, id_: str) -> Response:
    """Serve the whole record in pages. Source: FHIR R4 Patient, "$everything"."""
    record = _bearers_record(state, request, plan)
    fhir_search.check_patient(record, id_)
    return _page(state, request, plan, record=record, what=EVERYTHING, path=f"Patient/{id_}/{EVERYTHING}")


def read(state: State, request: Request, plan: Plan, type_: str, id_: str) -> Response:
    """Read one resource; a Binary as itself unless FHIR is wanted. Source: FHIR R4 Binary, "Serving"."""
    resource = fhir_search.read_resource(_bearers_record(state, request, plan), type_, id_)
    accept = request.headers.get("Accept", "*/*")
    if type_ == "Binary" and "json" not in accept and "*/*" not in accept:
        binary = json.loads(resource.text)
        content = Response(base64.b64decode(binary["data"]), content_type=binary["contentType"])
        return _unless_planned(state, type_, content)
    return _unless_planned(state, type_, responses.fhir(resource.text))


def _page(state: State, request: Request, plan: Plan, *, record: Record, what: str, path: str) -> Response:
    base = state.fhir_base(plan)
    query = fhir_search.parse_query(record, what, request.args.to_dict(), state.signer, base)
    fault = state.faults.take(what, query.page)
    if fault and fault.status:
        return responses.failed(fault)
    matches = [] if fault and fault.empty else fhir_search.matches(record, query)
    body = fhir_search.searchset(matches, query, url=f"{base}/{path}", fhir_base=base, signer=state.signer)
    return responses.cut(responses.fhir(body)) if fault and fault.cut else responses.fhir(body)


def _bearers_record(state: State, request: Request, plan: Plan) -> Record:
    """Return the record that the bearer may read, as it is now."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        if kind.lower() != "bearer":
            raise BadGrantError("No bearer token came along.")
        grant = state.grants.check_access(token.strip(), plan=plan.key)
    except BadGrantError:
        raise Refusal("A valid access token is needed.", status=401, code="login") from None
    return state.records.of_login(grant.login)


def _unless_planned(state: State, what: str, response: Response) -> Response:
    """Give the answer, or the fault that a test planned for it."""
    fault = state.faults.take(what, 1)
    if fault and fault.status:
        return responses.failed(fault)
    return responses.cut(response) if fault and fault.cut else response
