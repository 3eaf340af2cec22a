"""The supervisor's wish that workers finish and claim nothing more: a file, so that every process sees it."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings


def draining_flag() -> Path:
    return Path(settings.VAR) / "run" / "draining"


def is_draining() -> bool:
    return draining_flag().exists()
