"""Open a consent, choose a source, agree or refuse, abandon what nobody finished."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from apps.applications.models import Application
from apps.audit.events import SYSTEM, Actor, Place
from apps.audit.services import record_event
from apps.directory.models import Endpoint

from ..models import AuthorizationEvent, Consent, ConsentText, EndUser, PatientAuthorization
from ..states import UNFINISHED, AuthorizationState, Usage
from .states import lock_authorization, move_authorization

# While every authorization is in one of these, the patient may still choose, agree or refuse.
OPEN = {*UNFINISHED, AuthorizationState.ABANDONED, AuthorizationState.BOUNCED, AuthorizationState.ERRORED}


class ConsentClosed(Exception):
    """This consent was finished, refused or has expired."""

    def __init__(self) -> None:
        super().__init__("This request is closed. Go back to the application and start again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A valid request to open a consent, from `/link/auth` or from the widget."""

    application: Application
    mode: str
    flow: Consent.Flow
    external_id: str
    usage: Usage
    scope: str = ""
    redirect_uri: str = ""
    client_state: str = ""
    code_challenge: str = ""
    opener_origin: str = ""


@transaction.atomic
def open_consent(*, request: AuthorizationRequest, by: Actor, now: dt.datetime) -> Consent:
    end_user, _ = EndUser.objects.get_or_create(
        application=request.application, mode=request.mode, external_id=request.external_id
    )
    consent = Consent.objects.create(
        application=request.application,
        mode=request.mode,
        end_user=end_user,
        flow=request.flow,
        usage=request.usage,
        scope=request.scope,
        redirect_uri=request.redirect_uri,
        client_state=request.client_state,
        code_challenge=request.code_challenge,
        opener_origin=request.opener_origin,
        expires_at=now + dt.timedelta(seconds=settings.CONSENT_SESSION_SECONDS),
    )
    _record("consent.opened", consent, by)
    return consent


@transaction.atomic
def choose_endpoint(*, consent: Consent, endpoint: Endpoint, by: Actor, now: dt.datetime) -> PatientAuthorization:
    """Put one source under the consent; choosing again replaces a choice that was not signed in to.

    Raises: ConsentClosed.
    """
    consent = _lock_open(consent, now)
    for earlier in consent.authorizations.select_for_update().filter(state__in=UNFINISHED):
        if earlier.endpoint_id == endpoint.pk and earlier.state == AuthorizationState.CREATED:
            return earlier
        move_authorization(
            lock_authorization(earlier), AuthorizationState.ABANDONED, by=by, now=now, cause="another source chosen"
        )
    usage = Usage.MULTIPLE if consent.usage == Usage.MULTIPLE and endpoint.refreshable else Usage.ONE_TIME
    made = PatientAuthorization.objects.create(
        consent=consent, application=consent.application, mode=consent.mode, endpoint=endpoint, usage=usage
    )
    AuthorizationEvent.objects.create(authorization=made, state=made.state, at=now, cause="source chosen")
    record_event(
        action="authorization.created",
        by=by,
        place=_place(consent),
        target_type="patient_authorization",
        target_id=made.pk,
        detail={"endpoint": str(endpoint.pk)},
    )
    return made


@transaction.atomic
def agree(*, consent: Consent, text: ConsentText, shared_kinds: list[str], by: Actor, now: dt.datetime) -> None:
    """Keep what was agreed: which words, when, from where (rulings B17). Raises: ConsentClosed."""
    consent = _lock_open(consent, now)
    if consent.agreed_at is not None:
        return
    consent.agreed_at, consent.text, consent.terms_version = now, text, text.version
    consent.ip, consent.user_agent, consent.shared_kinds = by.ip, by.user_agent[:300], shared_kinds
    consent.save(update_fields=["agreed_at", "text", "terms_version", "ip", "user_agent", "shared_kinds"])
    _record("consent.agreed", consent, by)


@transaction.atomic
def refuse(*, consent: Consent, by: Actor, now: dt.datetime) -> None:
    """The patient said no: nothing is kept but the refusal. Raises: ConsentClosed."""
    consent = _lock_open(consent, now)
    for authorization in consent.authorizations.filter(state__in=UNFINISHED):
        move_authorization(
            lock_authorization(authorization),
            AuthorizationState.BOUNCED,
            by=by,
            now=now,
            cause="refused by the patient",
        )
    consent.refused_at, consent.agreed_at, consent.text, consent.terms_version = now, None, None, ""
    consent.ip, consent.user_agent, consent.shared_kinds = "", "", []
    consent.save(update_fields=["refused_at", "agreed_at", "text", "terms_version", "ip", "user_agent", "shared_kinds"])
    _record("consent.refused", consent, by)


def abandon_expired(*, now: dt.datetime) -> int:
    """Move what nobody finished in time to ABANDONED; return how many."""
    waiting = PatientAuthorization.objects.filter(state__in=UNFINISHED, consent__expires_at__lte=now)
    moved = 0
    for authorization in waiting.order_by("created_at", "id")[:500]:
        with transaction.atomic():
            locked = lock_authorization(authorization)
            if locked.is_unfinished:
                move_authorization(
                    locked, AuthorizationState.ABANDONED, by=SYSTEM, now=now, cause="not finished in time"
                )
                moved += 1
    return moved


def _lock_open(consent: Consent, now: dt.datetime) -> Consent:
    """Lock the consent, then its authorizations: a sign-in that ends meanwhile is waited for, and seen."""
    # No key: that sign-in holds its authorization and refers to the consent; it must not wait for us.
    open_consents = Consent.objects.select_for_update(of=("self",), no_key=True)
    locked = open_consents.select_related("application").get(pk=consent.pk)
    states = locked.authorizations.select_for_update(no_key=True).values_list("state", flat=True)
    finished = not set(states) <= OPEN
    if locked.refused_at is not None or locked.expires_at <= now or finished:
        raise ConsentClosed
    return locked


def _place(consent: Consent) -> Place:
    return Place(
        workspace_id=str(consent.application.workspace_id),
        application_id=str(consent.application_id),
        mode=consent.mode,
    )


def _record(action: str, consent: Consent, by: Actor) -> None:
    record_event(action=action, by=by, place=_place(consent), target_type="consent", target_id=consent.pk)
