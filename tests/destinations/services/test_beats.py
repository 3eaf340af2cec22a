"""The one thread that keeps leases alive outlives a database that is away for a moment."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.db import DatabaseError, InterfaceError
from pytest_django.fixtures import Settings

from apps.destinations.services import beats
from apps.destinations.services.claiming import Claim
from apps.outbox.claims import LostLease


@pytest.mark.django_db
@pytest.mark.parametrize("trouble", [InterfaceError, DatabaseError, LostLease])
def test_beats_go_on_after_trouble(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, trouble: type[Exception]
) -> None:
    settings.LEASE_SECONDS = 0.1
    tries, again = [], threading.Event()

    def heartbeat(delivery: Any, token: Any) -> None:
        tries.append(token)
        if len(tries) == 1:
            raise trouble("away")
        again.set()

    monkeypatch.setattr(beats, "heartbeat", heartbeat)
    claim = cast(Claim, SimpleNamespace(token="ours", delivery=None))
    with beats.Beats().keep(claim):
        assert again.wait(30)
    assert set(tries) == {"ours"}
