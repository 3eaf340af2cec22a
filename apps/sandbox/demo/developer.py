"""The developer's own program in the demo: plain HTTP against the public surface, nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

WAIT_SECONDS = 240.0


class StoryFailed(Exception):
    """A step of the demo did not do what it should."""


class Developer:
    """Calls the Link API with the secret key and the management API with the management key."""

    def __init__(self, base_url: str, keys: dict[str, str]) -> None:
        self.keys = keys
        self.http = httpx.Client(base_url=base_url, timeout=90.0, trust_env=False)

    def manage(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.keys['management_key']}"}
        return self._ask(method, f"/api/v1/{path}", headers=headers, json=body if method != "GET" else None)

    def list_all(self, path: str) -> list[dict[str, Any]]:
        found, cursor = [], ""
        while True:
            page = self.manage("GET", f"{path}{'&' if '?' in path else '?'}limit=200{cursor}")
            found += page["data"]
            if not page.get("has_more"):
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def link(self, member: str, external_id: str, usage: str) -> str:
        """Take a synthetic member through the real consent pages; return the patient's access token."""
        made = self._ask(
            "POST",
            "/link/sandbox/public_token",
            json={
                "secret_key": self.keys["secret_key"],
                "external_id": external_id,
                "usage": usage,
                "member": member,
            },
        )
        exchanged = self._ask(
            "POST",
            "/link/exchange",
            json={"public_token": made["public_token"], "secret_key": self.keys["secret_key"]},
        )
        return str(exchanged["access_token"])

    def introspect(self, access_token: str) -> dict[str, Any]:
        return self._ask("GET", "/link/introspect", headers={"Authorization": f"Bearer {access_token}"})

    def wait_for_sync(self, access_token: str, check: Callable[[], None]) -> dict[str, Any]:
        """Poll introspect until the sync has ended. Raises: StoryFailed."""
        ends = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < ends:
            check()
            told = self.introspect(access_token)
            if told["sync"]["state"] == "COMPLETED":
                return told
            if told["sync"]["state"] == "FAILED":
                raise StoryFailed("A sync failed.")
            time.sleep(0.25)
        raise StoryFailed("A sync did not end in time.")

    def _ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        answer = self.http.request(method, path, **arguments)
        if answer.status_code >= 400:
            raise StoryFailed(f"{method} {path.partition('?')[0]} answered {answer.status_code}: {answer.text[:500]}")
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found
