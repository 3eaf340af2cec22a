"""The FHIR side over HTTP: discovery, search, read, `$everything`; the rules are `fhir_search`'s."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.wrappers import Request, Response

from apps.sandbox.payer import capability, faulty_answers, fhir_search, page_faults, responses
from apps.sandbox.payer.faults import Asked, Strike
from apps.sandbox.payer.fhir_search import EVERYTHING
from apps.sandbox.payer.grants import BadGrantError
from apps.sandbox.payer.outcomes import Refusal
from apps.sandbox.payer.plans import Plan
from apps.sandbox.payer.records import Record
from apps.sandbox.payer.state import State


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who asks: the access token, and the record that it opens, as it is now."""

    token: str
    record: Record


def smart_configuration(state: State, request: Request, plan: Plan) -> Response:
    """Tell clients where to sign in. Source: SMART App Launch 2.2, "Conformance"."""
    body = capability.smart_configuration(plan, state.oauth_base(plan))
    return _open_answer(state, request, plan, "smart-configuration", Response(body, content_type="application/json"))


def metadata(state: State, request: Request, plan: Plan) -> Response:
    """Tell clients what can be read. Source: FHIR R4 RESTful API, "capabilities"."""
    body = capability.capability_statement(plan, state.fhir_base(plan), state.oauth_base(plan))
    return _open_answer(state, request, plan, "metadata", responses.fhir(body))


def search(state: State, request: Request, plan: Plan, type_: str) -> Response:
    """Search one type. Source: FHIR R4 RESTful API, "search"."""
    return _page(state, request, plan, _bearer(state, request, plan), type_, type_)


def everything(state: State, request: Request, plan: Plan, id_: str) -> Response:
    """Serve the whole record in pages. Source: FHIR R4 Patient, "$everything"."""
    bearer = _bearer(state, request, plan)
    fhir_search.check_patient(bearer.record, id_)
    return _page(state, request, plan, bearer, EVERYTHING, f"Patient/{id_}/{EVERYTHING}")


def read(state: State, request: Request, plan: Plan, type_: str, id_: str) -> Response:
    """Read one resource; a Binary as itself unless FHIR is wanted. Source: FHIR R4 Binary, "Serving"."""
    bearer = _bearer(state, request, plan)
    resource = fhir_search.read_resource(bearer.record, type_, id_)
    accept = request.headers.get("Accept", "*/*")
    is_content = type_ == "Binary" and "json" not in accept and "*/*" not in accept
    strike = state.faults.strike(Asked(plan=plan.key, type=type_, kind="other" if is_content else "read"))

    def make() -> Response:
        if is_content:
            binary = json.loads(resource.text)
            return Response(base64.b64decode(binary["data"]), content_type=binary["contentType"])
        return responses.fhir(page_faults.bend_resource(resource, strike))

    return _answer(state, request, bearer, strike, make)


def _page(state: State, request: Request, plan: Plan, bearer: Bearer, what: str, path: str) -> Response:
    base = state.fhir_base(plan)
    query = fhir_search.parse_query(bearer.record, what, request.args.to_dict(), state.signer, base)
    strike = state.faults.strike(Asked(plan=plan.key, type=what, page=query.page, kind="page"))

    def make() -> Response:
        found = [] if strike.value("empty") else fhir_search.matches(bearer.record, query)
        url = f"{base}/{path}"
        page = fhir_search.page_of(found, query, url=url, fhir_base=base, signer=state.signer)
        if strike.faults:
            asked_url = f"{url}?{request.query_string.decode('latin-1')}"
            search = page_faults.Search(found=found, patient=f"Patient/{query.patient_id}", url=asked_url)
            page = page_faults.bend_page(page, strike, search)
        return responses.fhir(page.write())

    return _answer(state, request, bearer, strike, make)


def _answer(state: State, request: Request, bearer: Bearer, strike: Strike, make: Callable[[], Response]) -> Response:
    if strike.value("expire_token"):
        state.grants.end_access(bearer.token)
        return faulty_answers.answer(request, strike, state.pauses, lambda: responses.refusal(_sign_in_needed()))
    return faulty_answers.answer(request, strike, state.pauses, make)


def _open_answer(state: State, request: Request, plan: Plan, what: str, response: Response) -> Response:
    """Give an answer that needs no token."""
    strike = state.faults.strike(Asked(plan=plan.key, type=what))
    return faulty_answers.answer(request, strike, state.pauses, lambda: response)


def _bearer(state: State, request: Request, plan: Plan) -> Bearer:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    try:
        if kind.lower() != "bearer":
            raise BadGrantError("No bearer token came along.")
        grant = state.grants.check_access(token, plan=plan.key)
    except BadGrantError:
        raise _sign_in_needed() from None
    return Bearer(token, state.records.of_login(grant.login))


def _sign_in_needed() -> Refusal:
    return Refusal("A valid access token is needed.", status=401, code="login")
