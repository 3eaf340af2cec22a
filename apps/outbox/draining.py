"""The supervisor's wish that workers finish and claim nothing more: a file, so that every process sees it.

Owns the folder of one cluster in `VAR/run`, named by its session: several supervisors may share a machine.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings


def clusters_root() -> Path:
    return Path(settings.VAR) / "run"


def cluster_folder(session: int | None = None) -> Path:
    """Return the folder of a session's cluster; without one, of the cluster that this process is part of."""
    return clusters_root() / f"cluster.{os.getsid(0) if session is None else session}"


def draining_flag(session: int | None = None) -> Path:
    return cluster_folder(session) / "draining"


def is_draining() -> bool:
    return draining_flag().exists()
