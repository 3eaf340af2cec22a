"""Access tokens: claims, signature, rotation of keys. Source: RFC 7515, RFC 7518 3.4; wire contract 2, 3d, C5."""

from __future__ import annotations

import base64
import datetime as dt
import json
import uuid
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.applications.models import ApiKey
from apps.applications.selectors import find_api_key
from apps.authorizations.models import AccessToken, SigningKey
from apps.authorizations.selectors import find_patient_access, list_public_jwks
from apps.authorizations.services import issue_application_token, rotate_signing_key
from apps.authorizations.tokens import InvalidToken, key_set, new_signing_key, sign, verify
from tests.flows.world import Team

from .journey import PATIENT, exchange, sign_in

ISSUER, T = "https://relay.example", 1_800_000_000


def unpack(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims_by_hand(token: str, jwks: list[dict[str, Any]]) -> dict[str, Any]:
    """Verify ES256 as RFC 7518 3.4 says, with nothing of ours: R and S side by side, SHA-256, P-256."""
    header, payload, signature = token.split(".")
    head = json.loads(unpack(header))
    assert head["alg"] == "ES256"
    (key,) = [each for each in jwks if each["kid"] == head["kid"]]
    x, y = (int.from_bytes(unpack(key[name])) for name in ("x", "y"))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    raw = unpack(signature)
    assert len(raw) == 64
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public.verify(der, f"{header}.{payload}".encode(), ec.ECDSA(SHA256()))
    found: dict[str, Any] = json.loads(unpack(payload))
    return found


@pytest.mark.django_db
def test_patient_token_verifies_with_the_published_keys_and_has_the_contracts_claims(
    team: Team, payer_url: str
) -> None:
    now = timezone.now()
    issued = exchange(team, sign_in(team, payer_url), now=now)
    claims = claims_by_hand(issued.access_token, json.loads(json.dumps(list_public_jwks())))
    assert uuid.UUID(claims.pop("jti")) == AccessToken.objects.get().jti
    authorization = issued.authorization
    assert claims == {
        "iss": "http://localhost:8000",
        "aud": "http://localhost:8000",
        "sub": str(authorization.consent_id),
        "patient": f"Patient/{authorization.destination_patient_id}",
        "client_id": str(team.application.pk),
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + 86400,
    }
    head, payload, signature = issued.access_token.split(".")
    changed = base64.urlsafe_b64encode(unpack(payload).replace(b"Patient/", b"patient/")).rstrip(b"=").decode()
    with pytest.raises(InvalidSignature):
        claims_by_hand(f"{head}.{changed}.{signature}", json.loads(json.dumps(list_public_jwks())))


@pytest.mark.django_db
def test_application_token_names_no_patient(team: Team, live_keys: tuple[str, str]) -> None:
    now = timezone.now()
    client = find_api_key(live_keys[1], now=now)
    assert isinstance(client, ApiKey)
    token, seconds = issue_application_token(client=client, by=PATIENT, now=now)
    claims = claims_by_hand(token, json.loads(json.dumps(list_public_jwks())))
    assert claims["sub"] == claims["client_id"] == str(team.application.pk)
    assert (claims["exp"] - claims["iat"], seconds) == (1800, 1800)
    assert "patient" not in claims
    with pytest.raises(InvalidToken):
        find_patient_access(token, now=now)


@pytest.mark.django_db
def test_tokens_of_an_older_signing_key_stay_valid(team: Team, payer_url: str) -> None:
    old = exchange(team, sign_in(team, payer_url)).access_token
    made = rotate_signing_key(now=timezone.now())
    new = exchange(team, sign_in(team, payer_url, external_id="user-2")).access_token
    assert json.loads(unpack(new.split(".")[0]))["kid"] == made.kid != json.loads(unpack(old.split(".")[0]))["kid"]
    for token in (old, new):
        assert find_patient_access(token, now=timezone.now())
        claims_by_hand(token, json.loads(json.dumps(list_public_jwks())))
    assert SigningKey.objects.filter(retired_at=None).count() == 1


@pytest.mark.django_db
def test_signing_keys_private_half_is_sealed() -> None:
    made = rotate_signing_key(now=timezone.now())
    private = json.loads(SigningKey.objects.get().private_jwk.reveal())
    with connection.cursor() as cursor:
        cursor.execute("SELECT private_jwk, public_jwk::text FROM authorizations_signingkey")
        sealed, public = cursor.fetchone()
    assert private["d"].encode() not in bytes(sealed)
    assert private["d"] not in public
    assert private["d"] not in repr(made.__dict__)


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["expired", "revoked", "unknown", "purged", "authorization revoked"])
def test_token_that_does_not_stand_is_refused(team: Team, payer_url: str, change: str) -> None:
    now = timezone.now()
    issued = exchange(team, sign_in(team, payer_url), now=now)
    assert find_patient_access(issued.access_token, now=now).authorization == issued.authorization
    rows, at = AccessToken.objects.all(), now
    if change == "expired":
        at = now + dt.timedelta(days=1)
    elif change == "revoked":
        rows.update(revoked_at=now)
    elif change == "unknown":
        rows.delete()
    elif change == "purged":
        type(issued.authorization).objects.update(purge_at=now)
    else:
        type(issued.authorization).objects.update(state="REVOKED", revoked_at=now)
    with pytest.raises(InvalidToken):
        find_patient_access(issued.access_token, now=at)


@pytest.mark.django_db
def test_token_of_another_installation_is_refused(team: Team, payer_url: str, settings: Settings) -> None:
    token = exchange(team, sign_in(team, payer_url)).access_token
    settings.PUBLIC_URL = "https://elsewhere.example"
    with pytest.raises(InvalidToken):
        find_patient_access(token, now=timezone.now())


GOOD: dict[str, Any] = {
    "iss": ISSUER, "aud": ISSUER, "jti": "j", "sub": "s", "client_id": "c", "iat": T, "exp": T + 60,
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": T}, {"exp": T - 1}, {"iat": T + 31}, {"iss": "x"}, {"aud": "x"}, {"aud": [ISSUER, "x"]}, {"exp": None},
        {"exp": "soon"}, {"iat": None}, {"jti": ...}, {"sub": ...}, {"client_id": ...}, {"iss": ...}, {"exp": ...},
    ],
)  # fmt: skip
def test_signed_but_wrong_claims_are_refused(changes: dict[str, Any]) -> None:
    kid, private, public = new_signing_key()
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    with pytest.raises(InvalidToken):
        verify(sign(claims, kid=kid, private_jwk=private), keys=key_set([public]), issuer=ISSUER, now=T)


def test_a_clock_half_a_minute_ahead_is_forgiven() -> None:
    kid, private, public = new_signing_key()
    token = sign({**GOOD, "iat": T + 30}, kid=kid, private_jwk=private)
    assert verify(token, keys=key_set([public]), issuer=ISSUER, now=T).jti == "j"


def test_token_of_a_key_that_is_not_ours_is_refused() -> None:
    kid, private, _ = new_signing_key()
    _, _, ours = new_signing_key()
    for jwks in ([], [ours], [{**ours, "kid": kid}]):
        with pytest.raises(InvalidToken):
            verify(sign(GOOD, kid=kid, private_jwk=private), keys=key_set(jwks), issuer=ISSUER, now=T)
