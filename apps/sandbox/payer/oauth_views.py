"""The member's way through sign-in and approval, and the token endpoint. Translates; the rules are `oauth`'s.

Nothing is kept between the forms: each carries the signed authorization request.
"""

from __future__ import annotations

from werkzeug.wrappers import Request, Response

from apps.sandbox.payer import faulty_answers, oauth, pages, responses
from apps.sandbox.payer.faults import Asked
from apps.sandbox.payer.grants import OFFLINE_SCOPE, Grant
from apps.sandbox.payer.members import Member, check_password, find_member, members_of
from apps.sandbox.payer.oauth import AskerError, RedirectError
from apps.sandbox.payer.plans import Plan, SignIn
from apps.sandbox.payer.signing import BadSignatureError, Claims
from apps.sandbox.payer.state import State

SIGN_IN_SECONDS = 1800
_PURPOSE = "authorize"


def authorize(state: State, request: Request, plan: Plan) -> Response:
    """Check the request and show the sign-in page. Source: RFC 6749 4.1.1.

    Raises: AskerError, RedirectError.
    """
    asked = oauth.parse_authorize(
        request.args.to_dict(),
        plan,
        fhir_base=state.fhir_base(plan),
        redirect_uris=state.options.redirect_uris,
    )
    page = pages.sign_in_page(plan, members_of(plan.key), _carry(state, asked.claims()))
    return responses.html(page, redirect_uri=asked.redirect_uri)


def sign_in(state: State, request: Request, plan: Plan) -> Response:
    """Find out who is there, and ask for approval.

    Raises: AskerError, RedirectError when the member cancels.
    """
    asked = _carried(state, request, plan)
    _check_not_cancelled(request, asked)
    login = request.form.get("login", "")
    member = _known_member(plan, login, request.form.get("password", ""))
    if member is None:
        page = pages.sign_in_page(
            plan,
            members_of(plan.key),
            _carry(state, asked),
            login=login,
            problem="That sign-in is not right. Please try again.",
        )
        return responses.html(page, status=400, redirect_uri=asked["redirect_uri"])
    carried = _carry(state, asked | {"login": member.login})
    page = pages.approval_page(plan, member, carried, offline=OFFLINE_SCOPE in asked["scope"].split())
    return responses.html(page, redirect_uri=asked["redirect_uri"])


def approve(state: State, request: Request, plan: Plan) -> Response:
    """Send the browser back with a code. Source: RFC 6749 4.1.2.

    Raises: AskerError, RedirectError when the member does not allow it.
    """
    asked = _carried(state, request, plan)
    if "login" not in asked:
        raise AskerError("Please sign in first.")
    _check_not_cancelled(request, asked)
    grant = Grant(plan=plan.key, login=asked["login"], scope=asked["scope"])
    code = state.grants.issue_code(grant, redirect_uri=asked["redirect_uri"], challenge=asked["challenge"])
    return responses.redirect(oauth.back(asked["redirect_uri"], {"code": code, "state": asked["state"]}))


def token(state: State, request: Request, plan: Plan) -> Response:
    """Answer the token endpoint; a planned cut loses tokens that were issued. Source: RFC 6749 4.1.3, 6.

    Raises: TokenError.
    """
    form = request.form.to_dict()
    type_ = "refresh" if form.get("grant_type") == "refresh_token" else "token"
    strike = state.faults.strike(Asked(plan=plan.key, type=type_))

    def issue() -> Response:
        tokens = oauth.answer_token(form, plan, state.grants, rotates=not strike.value("keep_refresh_token"))
        member = find_member(tokens.grant.login)
        return responses.json_document(oauth.token_response(tokens, member.patient_id if member else ""))

    return faulty_answers.answer(request, strike, state.pauses, issue)


def _known_member(plan: Plan, login: str, password: str) -> Member | None:
    if plan.sign_in is SignIn.PASSWORD:
        return check_password(plan.key, login, password)
    member = find_member(login)
    return member if member and member.plan == plan.key else None


def _check_not_cancelled(request: Request, asked: Claims) -> None:
    if request.form.get("decision") not in ("continue", "allow"):
        raise RedirectError(
            asked["redirect_uri"], asked["state"], "access_denied", "The member did not allow the access."
        )


def _carry(state: State, claims: Claims) -> str:
    return state.signer.seal(claims | {"exp": state.options.clock() + SIGN_IN_SECONDS}, purpose=_PURPOSE)


def _carried(state: State, request: Request, plan: Plan) -> Claims:
    """Return the authorization request that a form carried.

    Raises: AskerError if it is not ours, another plan's, or too old.
    """
    try:
        claims = state.signer.open(request.form.get("request", ""), purpose=_PURPOSE, now=state.options.clock())
    except BadSignatureError:
        raise AskerError("This page was open too long. Please start again.") from None
    if claims["plan"] != plan.key:
        raise AskerError("This page belongs to another plan. Please start again.")
    return claims
