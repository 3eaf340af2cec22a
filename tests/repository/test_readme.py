"""The README tells the truth about what it lists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
READ = re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', (ROOT / "portal" / "settings.py").read_text())


@pytest.mark.parametrize("name", sorted(set(READ)))
def test_every_variable_that_settings_read_is_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("target", ["demo", "test", "bench", "run", "worker"])
def test_the_makefile_has_the_promised_targets(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_a_lock_pins_everything_by_hash_and_names_no_index(name: str) -> None:
    lock = (ROOT / name).read_text()
    assert "://" not in lock
    pins = re.findall(r"^([a-z0-9][\w.-]*)(?:\[[^\]]*\])?==\S+ \\$", lock, re.MULTILINE | re.IGNORECASE)
    assert len(pins) > 50
    assert lock.count("--hash=sha256:") >= len(pins)
