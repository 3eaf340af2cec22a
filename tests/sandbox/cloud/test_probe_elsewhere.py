"""The probe in the mode for AWS, against a local AWS that it knows nothing of: same verdicts, nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.cloud.conformance.local_only import LOCAL_ONLY

HERE = Path(__file__).parent
VENDOR, CUSTOMER = "111111111111", "222222222222"
PROFILES = "".join(
    f"[{name}]\naws_access_key_id = {number}\naws_secret_access_key = test\n"
    for name, number in (("vendor", VENDOR), ("customer", CUSTOMER))
)


@pytest.fixture
def address() -> Iterator[str]:
    """A local AWS as a process of its own."""
    command = [sys.executable, "-m", "apps.sandbox.cloud", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()


def probe(address: str, folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    credentials = folder / "credentials"
    credentials.write_text(PROFILES)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PROBE_"))}
    environment |= {
        "AWS_ENDPOINT_URL": address,
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_CONFIG_FILE": str(folder / "config"),
        "PROBE_AWS": "real",
        "PROBE_VENDOR_PROFILE": "vendor",
        "PROBE_CUSTOMER_PROFILE": "customer",
    }
    command = [sys.executable, "-m", "tests.sandbox.cloud.conformance", "-q", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment | variables, check=False)


def requests_of(address: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{address}/_fake/log", timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


def count(requests: list[dict[str, Any]], *actions: str) -> int:
    return sum(1 for request in requests if request["action"] in actions and 200 <= request["status"] < 300)


# Enough to make one of everything; the whole probe passes this way too, but twice in a run is once too often.
CHECKS = [
    "test_probe_sessions.py::TestLength",
    "test_probe_sessions.py::TestParameters::test_root_may_not_assume_a_role",
    "test_probe_regions.py",
    "test_probe_kms.py::TestState",
]


def test_probe_between_two_profiles_passes_and_takes_everything_away(address: str, tmp_path: Path) -> None:
    done = probe(address, tmp_path, *(str(HERE / "conformance" / name) for name in CHECKS))
    assert done.returncode == 0, done.stdout
    asked = requests_of(address)
    for thing in ("Bucket", "Role", "User", "AccessKey"):
        assert count(asked, f"Create{thing}") == count(asked, f"Delete{thing}") > 0
    assert count(asked, "CreateKey") == count(asked, "ScheduleKeyDeletion") > 0
    for name, reason in LOCAL_ONLY.items():
        assert f"left out at AWS: {name}: {reason}" in done.stdout


def test_probe_refuses_one_account_in_both_parts_and_a_missing_profile(address: str, tmp_path: Path) -> None:
    same = probe(address, tmp_path, PROBE_CUSTOMER_PROFILE="vendor")
    assert "must be two accounts" in same.stdout + same.stderr
    missing = probe(address, tmp_path, PROBE_CUSTOMER_PROFILE="")
    assert "needs PROBE_CUSTOMER_PROFILE" in missing.stdout + missing.stderr
    assert count(requests_of(address), "CreateUser", "CreateRole", "CreateBucket") == 0


@pytest.mark.parametrize("name", sorted(LOCAL_ONLY))
def test_check_that_only_a_local_aws_can_be_asked_exists(name: str) -> None:
    texts = [path.read_text() for path in (HERE / "conformance").glob("test_probe_*.py")]
    assert sum(f"def {name}(" in text for text in texts) == 1
