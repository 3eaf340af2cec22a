"""Authorization codes, access tokens and rotating refresh tokens.

Owns what a grant is worth: codes work once, a refresh token once, and reuse of either ends its family. Tokens
are self-contained, so they survive a restart; which were used is kept in memory, so after a restart a family
that is not known is accepted once more. Source: RFC 6749 4.1.2, 6; RFC 9700 4.14 (rotation).
"""

from __future__ import annotations

import dataclasses
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from apps.sandbox.payer.signing import BadSignatureError, Claims, Signer

OFFLINE_SCOPE = "offline_access"
CODE_SECONDS = 300
REFRESH_SECONDS = 90 * 86_400


class BadGrantError(ValueError):
    """A code or token that is not valid, or not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a member allowed: whose record at which plan, with which scopes."""

    plan: str
    login: str
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A redeemed authorization code; the caller still has to verify where and by whom it was asked for."""

    grant: Grant
    family: str
    redirect_uri: str
    challenge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """An answer of the token endpoint; `refresh` is empty where none is issued."""

    access: str
    refresh: str
    expires_in: int
    grant: Grant


class Grants:
    """Issues and checks; thread-safe."""

    def __init__(self, signer: Signer, *, token_seconds: int, clock: Callable[[], float]) -> None:
        self._signer = signer
        self._token_seconds = token_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._redeemed: set[str] = set()
        self._ended: set[str] = set()
        self._dead: set[str] = set()
        self._generations: dict[str, int] = {}

    def issue_code(self, grant: Grant, *, redirect_uri: str, challenge: str) -> str:
        """Issue a code for one redemption within five minutes."""
        claims = _claims(grant) | {
            "family": uuid.uuid4().hex,
            "redirect_uri": redirect_uri,
            "challenge": challenge,
            "exp": self._clock() + CODE_SECONDS,
        }
        return self._signer.seal(claims, purpose="code")

    def read_code(self, text: str) -> Code:
        """Open a code without redeeming it.

        Raises: BadGrantError.
        """
        claims = self._open(text, "code")
        return Code(
            grant=_grant(claims),
            family=claims["family"],
            redirect_uri=claims["redirect_uri"],
            challenge=claims["challenge"],
        )

    def redeem(self, code: Code) -> Tokens:
        """Turn a verified code into tokens; a second redemption ends what the first one gave.

        A refresh token is issued where the grant holds offline_access.

        Raises: BadGrantError.
        """
        with self._lock:
            if code.family in self._redeemed:
                self._ended.add(code.family)
                raise BadGrantError("The code was used before.")
            self._redeemed.add(code.family)
            self._generations[code.family] = 1
        return self._tokens(code.grant, code.family, 1)

    def refresh(self, text: str, *, plan: str) -> Tokens:
        """Rotate a refresh token; a used one ends its family.

        Raises: BadGrantError.
        """
        with self._lock:
            claims = self._check_refresh(text, plan)
            family, generation = claims["family"], claims["generation"] + 1
            self._generations[family] = generation
        return self._tokens(_grant(claims), family, generation)

    def refresh_without_rotation(self, text: str, *, plan: str) -> Tokens:
        """Issue an access token alone; the refresh token stays good. Source: RFC 6749 6.

        Raises: BadGrantError.
        """
        with self._lock:
            claims = self._check_refresh(text, plan)
        tokens = self._tokens(_grant(claims), claims["family"], claims["generation"])
        return dataclasses.replace(tokens, refresh="")

    def check_access(self, text: str, *, plan: str) -> Grant:
        """Return what an access token allows.

        Raises: BadGrantError.
        """
        claims = self._open(text, "access")
        if claims["plan"] != plan or claims["family"] in self._ended or claims["jti"] in self._dead:
            raise BadGrantError("The access token is not valid here.")
        return _grant(claims)

    def end_access(self, text: str) -> None:
        """End one access token before its time; its family goes on.

        Raises: BadGrantError.
        """
        self._dead.add(self._open(text, "access")["jti"])

    def forget_dead(self) -> None:
        """Let access tokens that were ended before their time be good again."""
        self._dead.clear()

    def _check_refresh(self, text: str, plan: str) -> Claims:
        claims = self._open(text, "refresh")
        family, generation = claims["family"], claims["generation"]
        if claims["plan"] != plan:
            raise BadGrantError("The refresh token is another plan's.")
        if self._generations.get(family, generation) != generation:
            self._ended.add(family)
        if family in self._ended:
            raise BadGrantError("The refresh token was used before, or its family was ended.")
        return claims

    def _tokens(self, grant: Grant, family: str, generation: int) -> Tokens:
        now = self._clock()
        shared = _claims(grant) | {"family": family, "jti": uuid.uuid4().hex}
        access = self._signer.seal(shared | {"exp": now + self._token_seconds}, purpose="access")
        refresh = ""
        if OFFLINE_SCOPE in grant.scope.split():
            claims = shared | {"generation": generation, "exp": now + REFRESH_SECONDS}
            refresh = self._signer.seal(claims, purpose="refresh")
        return Tokens(access=access, refresh=refresh, expires_in=self._token_seconds, grant=grant)

    def _open(self, text: str, purpose: str) -> Claims:
        try:
            return self._signer.open(text, purpose=purpose, now=self._clock())
        except BadSignatureError:
            raise BadGrantError("It is not valid, or not any more.") from None


def _claims(grant: Grant) -> Claims:
    return {"plan": grant.plan, "login": grant.login, "scope": grant.scope}


def _grant(claims: Claims) -> Grant:
    return Grant(plan=claims["plan"], login=claims["login"], scope=claims["scope"])
