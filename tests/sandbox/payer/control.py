"""A test's hand on the knobs, over HTTP."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx

from apps.sandbox.payer.server import LocalPayer


class Control:
    """The control requests of one payer."""

    def __init__(self, payer: LocalPayer, http: httpx.Client) -> None:
        self.base = f"{payer.url}/_control"
        self.http = http
        self.state = payer.state

    def post(self, path: str, knobs: Any) -> httpx.Response:
        return self.http.post(f"{self.base}/{path}", content=json.dumps(knobs))

    def fault(self, **knobs: Any) -> int:
        """Plan one fault and return its number."""
        response = self.post("faults", knobs)
        assert response.status_code == 200, response.text
        number: int = response.json()["faults"][0]
        return number

    def struck(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.http.get(f"{self.base}/faults").json()["struck"]
        return rows

    def planned(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.http.get(f"{self.base}/faults").json()["planned"]
        return rows

    def log(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.http.get(f"{self.base}/log").json()["requests"]
        return entries

    def wait_until_struck(self) -> None:
        """Wait for a fault to strike; the time-out of the test is the only clock."""
        while not self.struck():
            time.sleep(0)
