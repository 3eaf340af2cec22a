"""The database goes away in the middle of deliveries: all arrive once, and the web says so meanwhile (case 10)."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import httpx
import pytest
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from portal.embedded_postgres import EmbeddedPostgres
from portal.embedded_postgres.processes import written_number
from tests.chaos.workers import MANAGE_PY, Workers, kill, wait_until

from .place import Case, Place

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]


@contextmanager
def web(env: dict[str, str], var: Path) -> Iterator[httpx.Client]:
    """gunicorn, as `manage.py run` and the demo start it."""
    port = random.randrange(20_000, 30_000)
    arguments = [
        sys.executable, "-m", "gunicorn", "portal.wsgi:application", "--chdir", str(MANAGE_PY.parent),
        "--worker-class", "gthread", "--threads", "4", "--no-control-socket", "--bind", f"127.0.0.1:{port}",
    ]  # fmt: skip
    with (var / "web.log").open("wb") as log:
        process = subprocess.Popen(arguments, env={**os.environ, **env, "VAR": str(var)}, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
            wait_until(lambda: is_up(client), what="the web")
            yield client
    finally:
        process.terminate()
        process.wait(30)
        sys.stdout.write((var / "web.log").read_text()[-3000:])


def is_up(client: httpx.Client) -> bool:
    with suppress(httpx.TransportError):
        return client.get("/healthz").status_code == 200
    return False


def database() -> EmbeddedPostgres:
    """The server of this run: whoever it belongs to, it may be stopped and started here."""
    return EmbeddedPostgres(Path(settings.VAR))


@pytest.fixture(scope="module")
def client(place: Place, workers: Workers) -> Iterator[httpx.Client]:
    """The web of the machine of the shared workers: `/readyz` speaks of them."""
    with web(place.environment({"DEBUG": "0"}), workers.var) as client:
        yield client


def delivered(case: Case) -> int:
    with suppress(OperationalError, InterfaceError):
        count: int = case.deliveries.filter(state="DELIVERED").count()
        return count
    connection.close()
    return 0


def ask_for_what_needs_it(client: httpx.Client, case: Case) -> Iterator[httpx.Response]:
    """Ask as a member of the team, as a program with a management key, as an application, as a patient's app."""
    key, slug = case.team.secret_key, case.team.application.workspace.slug
    signed_in = {"Cookie": "sessionid=0123456789abcdef0123456789abcdef"}
    yield client.get("/", headers=signed_in)
    yield client.get(f"/w/{slug}/a/care/test/", headers=signed_in)
    yield client.get("/api/v1/deliveries", headers={"Authorization": f"Bearer {key}"})
    yield client.post("/link/exchange", json={"public_token": "x" * 40, "secret_key": key})


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_database_that_stops_in_the_middle_of_deliveries(
    mode: Literal["fast", "immediate"], place: Place, workers: Workers, client: httpx.Client
) -> None:
    case = place.make_case()
    case.link()
    case.wait_for_delivered()
    wait_until(lambda: client.get("/readyz").status_code == 200, what="readiness")
    place.plan_at_aws(delay_seconds=0.1, count=1000, path=case.destination.bucket)
    case.make_due(30)
    case.wait_for_delivered(5)
    connection.close()
    database().stop(mode)
    try:
        assert client.get("/healthz").status_code == 200
        readiness = client.get("/readyz")
        assert (readiness.status_code, readiness.json()["checks"]["database"]) == (503, "does not answer")
        for answer in ask_for_what_needs_it(client, case):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), answer.request.url
    finally:
        database().ensure_running()
    wait_until(lambda: delivered(case) == 31, what="every delivery")
    place.forget_plans()
    case.check_each_delivered_once(31)
    wait_until(lambda: client.get("/readyz").status_code == 200, what="readiness")


def test_a_killed_embedded_database_is_started_again_by_the_supervisor(place: Place) -> None:
    machine = place.machine(ALLOW_EMBEDDED_DATABASE="1")
    del machine.env["DATABASE_URL"]
    server = EmbeddedPostgres(machine.var)
    with machine:
        wait_until(machine.session, what="the first start")
        (postmaster,) = kill([postmaster_of(server)])
        wait_until(lambda: server.is_alive() and postmaster_of(server) != postmaster, what="the second start")
        wait_until(lambda: "it is running again" in machine.log.read_text())
    assert not server.is_alive()  # its supervisor owned it
    server.destroy()


def postmaster_of(server: EmbeddedPostgres) -> int:
    return written_number(server._data / "postmaster.pid") or 0
