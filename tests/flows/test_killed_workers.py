"""kill -9 of a worker in mid-delivery and of the whole cluster: one object, recorded once. Real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.db import connection

from apps.audit.models import AuditEvent
from apps.destinations.models import Delivery, DeliveryAttempt

from . import world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
ROOT = Path(settings.BASE_DIR)


def wait_until(condition: Callable[[], object], seconds: float = 90.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


def wait_for_senders(spool: Path) -> list[int]:
    """Wait until a file of the spool is held at two looks: one that is being written is let go between them."""
    looks: list[list[int]] = [[], []]

    def is_held() -> bool:
        looks[:] = [looks[1], holders_of(spool)]
        return bool(looks[0] and looks[1])

    wait_until(is_held)
    return looks[1]


@pytest.fixture
def workers(payer_url: str, cloud_url: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py runworker` on this test's database, with short leases."""
    database = connection.settings_dict
    url = f"postgres://{database['USER']}:{database['PASSWORD']}@/{database['NAME']}?host={database['HOST']}"
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "VAR": str(tmp_path),
        "SANDBOX_PAYER_URL": payer_url,
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS),
        "LEASE_SECONDS": "3",
        "SWEEP_SECONDS": "1",
        "DEBUG": "1",
    }
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "runworker"], env=environment, stdout=log, stderr=log
        )
    yield process
    process.terminate()
    process.wait(60)
    sys.stdout.write((tmp_path / "worker.log").read_text()[-4000:])  # pytest shows it when a test fails


def holders_of(folder: Path) -> list[int]:
    """Return the processes that have a spooled delivery open: those in the middle of a write."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            opened = [os.readlink(each) for each in (entry / "fd").iterdir()]
        except OSError:
            continue
        if any(name.startswith(str(folder)) and name.endswith(".ndjson") for name in opened):
            found.append(int(entry.name))
    return found


def slow_down_next_put(cloud_url: str, **how: object) -> None:
    plan = {"count": 1, "service": "s3", "method": "PUT", "path": ".ndjson", **how}
    httpx.post(f"{cloud_url}/_fake/faults", json=plan, trust_env=False).raise_for_status()


def check_one_object_recorded_once(cloud_url: str, bucket: str) -> None:
    wait_until(lambda: Delivery.objects.get().state == "DELIVERED")
    delivery = Delivery.objects.get()
    ((key, body),) = world.objects(cloud_url, bucket).items()
    assert (key, len(body)) == (delivery.object_key, delivery.bytes)
    assert delivery.attempts >= 2
    assert DeliveryAttempt.objects.filter(succeeded=True).count() == 1
    assert AuditEvent.objects.filter(action="delivery.delivered").count() == 1


def test_kill_of_the_worker_in_mid_delivery(
    workers: subprocess.Popen[bytes], payer_url: str, cloud_url: str, tmp_path: Path
) -> None:
    team = world.make_team()
    world.make_destination(team, cloud_url, bucket="kill-worker")
    slow_down_next_put(cloud_url, delay_seconds=30)
    world.link_member(team, "patient1@flexpa.com", payer_url=payer_url)
    for pid in wait_for_senders(tmp_path / "spool"):
        os.kill(pid, signal.SIGKILL)
    check_one_object_recorded_once(cloud_url, "kill-worker")


def test_kill_of_the_whole_cluster_in_mid_delivery(
    workers: subprocess.Popen[bytes], payer_url: str, cloud_url: str, tmp_path: Path
) -> None:
    team = world.make_team()
    world.make_destination(team, cloud_url, bucket="kill-cluster")
    slow_down_next_put(cloud_url, delay_seconds=30)
    world.link_member(team, "patient1@flexpa.com", payer_url=payer_url)
    os.killpg(os.getpgid(wait_for_senders(tmp_path / "spool")[0]), signal.SIGKILL)
    check_one_object_recorded_once(cloud_url, "kill-cluster")


def test_an_answer_that_was_lost_after_the_write_is_one_delivery(
    workers: subprocess.Popen[bytes], payer_url: str, cloud_url: str
) -> None:
    team = world.make_team()
    world.make_destination(team, cloud_url, bucket="lost-answer")
    slow_down_next_put(cloud_url, lost=True)
    world.link_member(team, "patient1@flexpa.com", payer_url=payer_url)
    wait_until(lambda: Delivery.objects.filter(state="DELIVERED").exists())
    assert len(world.objects(cloud_url, "lost-answer")) == 1
    assert AuditEvent.objects.filter(action="delivery.delivered").count() == 1
