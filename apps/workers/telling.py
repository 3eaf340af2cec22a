"""What may be logged of an exception: its class and where it arose, never its text (it may carry data)."""

from __future__ import annotations

import traceback
from pathlib import Path


def told(error: BaseException) -> str:
    """Return, say, `ProgrammingError at staging.py:41 in stage_resources`: the last frame of our own code."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or list(frames)
    if not ours:
        return type(error).__name__
    last = ours[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno} in {last.name}"
