"""`python -m tests.sandbox.cloud.conformance [pytest's arguments]`: the probe alone, without the project's tests.

Nothing of the product is loaded: no Django, no database, and no guard that keeps the tests on this machine.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


def run(*arguments: str) -> int:
    """Run the probe's checks, or those that the arguments name; answer pytest's exit code."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    chosen = [] if any("test_probe" in argument for argument in arguments) else [str(FOLDER)]
    options = [f"--confcutdir={FOLDER.parent}", "-p", "pytest_timeout", "--timeout=900"]
    return int(pytest.main([*options, *arguments, *chosen]))


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
