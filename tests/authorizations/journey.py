"""The way of a patient through consent and the sandbox payer's sign-in, by the services and over real HTTP."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from dataclasses import dataclass

from django.utils import timezone

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import ApiKey
from apps.applications.services import issue_api_key
from apps.audit.events import Actor, ActorKind
from apps.authorizations.models import Consent, ConsentText, PatientAuthorization
from apps.authorizations.services import (
    AuthorizationRequest,
    IssuedTokens,
    agree,
    choose_endpoint,
    complete_sign_in,
    open_consent,
    start_sign_in,
)
from apps.authorizations.states import Usage
from apps.directory.models import Endpoint
from apps.sandbox.payer.members import find_member
from apps.sandbox.walker import Walker, read_answer
from apps.syncs.services import exchange_public_token
from tests.flows.world import CALLBACK, Team

PATIENT = Actor(kind=ActorKind.PATIENT, ip="192.0.2.7", request_id="req-1", user_agent="Browser/1")
LOGIN = "patient1@flexpa.com"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class SignedIn:
    """A patient who has just come back from the source; `token` is the code or public token."""

    authorization: PatientAuthorization
    token: str

    @property
    def consent(self) -> Consent:
        return self.authorization.consent


def consent_text() -> ConsentText:
    # A transactional test empties the table that the migration filled.
    return ConsentText.objects.get_or_create(version="2026-11", locale="en", defaults={"body": "…"})[0]


def endpoint_of(login: str, mode: str = "test") -> Endpoint:
    member = find_member(login)
    assert member is not None
    return Endpoint.objects.get(mode=mode, fhir_base__contains=f"/{member.plan}/")


def open_for(
    team: Team,
    *,
    flow: Consent.Flow = Consent.Flow.LINK,
    usage: Usage = Usage.MULTIPLE,
    external_id: str = "user-1",
    mode: str = "test",
    now: dt.datetime | None = None,
) -> Consent:
    oauth = flow == Consent.Flow.OAUTH
    request = AuthorizationRequest(
        application=team.application,
        mode=mode,
        flow=flow,
        external_id=external_id,
        usage=usage,
        scope="launch/patient offline_access" if oauth else "",
        redirect_uri=CALLBACK if oauth else "",
        client_state="xyz" if oauth else "",
        code_challenge=CHALLENGE if oauth else "",
    )
    return open_consent(request=request, by=PATIENT, now=now or timezone.now())


def go_to_source(consent: Consent, login: str, now: dt.datetime) -> tuple[PatientAuthorization, str]:
    """Choose, agree and leave; return the authorization and the source's sign-in URL."""
    endpoint = endpoint_of(login, consent.mode)
    authorization = choose_endpoint(consent=consent, endpoint=endpoint, by=PATIENT, now=now)
    agree(consent=consent, text=consent_text(), shared_kinds=["claims"], by=PATIENT, now=now)
    return authorization, start_sign_in(authorization=authorization, by=PATIENT, now=now)


def sign_in_at_source(url: str, login: str, payer_url: str) -> dict[str, str]:
    """Walk the payer's own pages; return the query with which the browser comes back."""
    member = find_member(login)
    assert member is not None
    walker = Walker(public_url="http://nowhere.invalid", payer_url=payer_url)
    return read_answer(walker.walk(url, member=member, endpoint_id=""))


def sign_in(
    team: Team,
    payer_url: str,
    *,
    login: str = LOGIN,
    flow: Consent.Flow = Consent.Flow.LINK,
    usage: Usage = Usage.MULTIPLE,
    external_id: str = "user-1",
    mode: str = "test",
    now: dt.datetime | None = None,
) -> SignedIn:
    now = now or timezone.now()
    consent = open_for(team, flow=flow, usage=usage, external_id=external_id, mode=mode, now=now)
    _, url = go_to_source(consent, login, now)
    back = sign_in_at_source(url, login, payer_url)
    return SignedIn(*complete_sign_in(state=back["state"], code=back["code"], by=PATIENT, now=now))


def secret_key_of(team: Team, mode: str = "test") -> ApiKey:
    found = team.application.api_keys.filter(kind=KeyKind.SECRET, mode=mode).order_by("created_at").first()
    if found is None:
        found = issue_api_key(application=team.application, mode=Mode(mode), kind=KeyKind.SECRET, by=PATIENT).api_key
    return found


def exchange(team: Team, signed_in: SignedIn, *, now: dt.datetime | None = None) -> IssuedTokens:
    return exchange_public_token(
        public_token=signed_in.token,
        client=secret_key_of(team, signed_in.authorization.mode),
        by=PATIENT,
        now=now or timezone.now(),
    )
