"""Node and the published packages: installed into a temporary folder from the lock beside this file.

Neither package names a licence, so neither is kept in this repository; the lock pins them by hash.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PACKAGES = Path(__file__).parent / "packages"
INSTALL = "The tests of published clients need Node. Install it: apt-get update && apt-get install -y nodejs npm"
FETCH = [
    "npm",
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--fetch-retries=1",
    "--loglevel=error",
]
SECONDS = 200


def install_packages(folder: Path) -> Path:
    """Install what the lock names; return `node_modules`. Fails with the command that would help."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.fail(INSTALL)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGES / name, folder)
    done = subprocess.run(FETCH, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.fail(f"The published clients cannot be fetched. In {PACKAGES}: {' '.join(FETCH)}\n{done.stderr[-800:]}")
    return folder / "node_modules"


def run_node(script: str, *, modules: Path, given: dict[str, Any], meanwhile: Callable[[], object]) -> dict[str, Any]:
    """Run a script of this folder with `given`, doing `meanwhile` again and again; return what it printed."""
    process = subprocess.Popen(
        ["node", str(Path(__file__).parent / script), json.dumps(given)],
        env={**os.environ, "NODE_PATH": str(modules)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(SECONDS * 10):
            meanwhile()
            try:
                told, complaints = process.communicate(timeout=0.1)
                break
            except subprocess.TimeoutExpired:
                continue
        else:
            pytest.fail(f"{script} does not end")
    finally:
        process.kill()
    assert process.returncode == 0, complaints[-3000:]
    found: dict[str, Any] = json.loads(told)
    return found
