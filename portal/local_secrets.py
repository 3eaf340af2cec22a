"""Secrets of a machine on which the operator set none: made once, kept in `VAR/secrets.json` (0600).

Owns that one file; refuses to make it at import time: `manage.py` asks for it before it starts a command
that needs the database, so type checkers and `makemigrations --check` write nothing.
"""

import json
import os
import secrets
from pathlib import Path

NAMES = ("SECRET_KEY", "FIELD_ENCRYPTION_KEY")


def read_local_secret(var: Path, name: str) -> str:
    """Return the secret of that name, or an empty text where none was made yet."""
    try:
        kept: dict[str, str] = json.loads((var / "secrets.json").read_text())
    except FileNotFoundError:
        return ""
    return kept.get(name, "")


def ensure_local_secrets(var: Path) -> None:
    """Make the file if it is missing; the first of several concurrent makers wins."""
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = var / "secrets.json"
    if path.exists():
        return
    draft = var / f".secrets.{os.getpid()}"
    draft.unlink(missing_ok=True)  # of a maker with our pid that was killed
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({name: secrets.token_urlsafe(48) for name in NAMES}, file)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
