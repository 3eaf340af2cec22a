"""A member's browser and the client behind it: walks sign-in over real HTTP and reads FHIR with the token."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx

REDIRECT_URI = "http://127.0.0.1:1/callback"
VERIFIER = "v" * 43
CLIENT_ID = "record-relay-sandbox"
SCOPE = "launch/patient patient/*.read offline_access"
_REQUEST = re.compile(r'name="request" value="([^"]*)"')


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class Browser:
    """One member's session with one plan."""

    def __init__(self, http: httpx.Client, base_url: str, plan: str) -> None:
        self.http = http
        self.fhir = f"{base_url}/{plan}/fhir"
        self.oauth = f"{base_url}/{plan}/oauth"

    def authorize(self, **changes: str | None) -> httpx.Response:
        """Open the authorization page; None leaves a parameter out."""
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT_URI,
            "state": "s-1",
            "scope": SCOPE,
            "aud": self.fhir,
            "code_challenge": challenge(VERIFIER),
            "code_challenge_method": "S256",
            **changes,
        }
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        return self.http.get(f"{self.oauth}/authorize?{query}")

    def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Fill in the form of a page as a browser does."""
        action = re.search(r'<form method="post" action="([^"]*)"', page.text)
        request = _REQUEST.search(page.text)
        assert action
        assert request
        return self.http.post(urljoin(str(page.url), action[1]), data={"request": request[1], **fields})

    def sign_in(self, login: str, password: str = "") -> httpx.Response:
        return self.submit(self.authorize(), login=login, password=password, decision="continue")

    def code(self, login: str, password: str = "") -> str:
        answer = self.submit(self.sign_in(login, password), decision="allow")
        return answer_of(answer)["code"]

    def token(self, **form: str) -> httpx.Response:
        return self.http.post(f"{self.oauth}/token", data={"client_id": CLIENT_ID, **form})

    def redeem(self, code: str, **changes: str) -> httpx.Response:
        form = {"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER, **changes}
        return self.token(grant_type="authorization_code", **form)

    def refresh(self, refresh_token: str) -> httpx.Response:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    def connect(self, login: str, password: str = "") -> Reader:
        tokens = self.redeem(self.code(login, password)).json()
        return Reader(self.http, self.fhir, tokens["access_token"], tokens["patient"])


class Reader:
    """A client that reads with an access token."""

    def __init__(self, http: httpx.Client, fhir: str, token: str, patient: str) -> None:
        self.http = http
        self.fhir = fhir
        self.token = token
        self.patient = patient

    def get(self, path: str, **headers: str) -> httpx.Response:
        url = path if path.startswith("http") else f"{self.fhir}/{path}"
        return self.http.get(url, headers={"Authorization": f"Bearer {self.token}", **headers})

    def bundle(self, path: str) -> dict[str, Any]:
        response = self.get(path)
        assert response.status_code == 200, response.text
        bundle: dict[str, Any] = response.json()
        return bundle

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Follow the next links to their end."""
        url: str | None = path
        while url:
            page = self.bundle(url)
            yield page
            url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)

    def references(self, path: str) -> list[str]:
        """List what a search finds on all its pages. Shape: "Type/id"."""
        return [
            f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
            for page in self.pages(path)
            for entry in page.get("entry", [])
        ]


def answer_of(response: httpx.Response) -> dict[str, str]:
    """Read what the browser is sent back with."""
    assert response.status_code == 303, response.text
    location = response.headers["Location"]
    assert location.startswith(f"{REDIRECT_URI}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
