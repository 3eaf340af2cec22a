"""Where the embedded server keeps its things, and as whom it runs.

Owns the password, the data folder and the socket folder. Refuses folders that somebody else made, and never
changes the mode of one. Source: design/rulings.md A3.

An ordinary user has `VAR/pgdata`. Root must not run PostgreSQL, and its home is closed to everybody else, so
root has a folder outside the home and `VAR/pgdata` is a link to it:

    /var/lib/record-relay/            root, 0755
      <hash of VAR and password>/     root and the server's group, 0710: no other account gets past it
        used-by                       a link back to VAR
        data/                         the server's account, 0700
"""

import grp
import hashlib
import os
import pwd
import secrets
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SOCKET_NAME = ".s.PGSQL.5432"
# Fixed places: TMPDIR differs between the shells of one user, but all of them must meet at one socket.
ROOT_PLACES = (Path("/var/lib"), Path("/var/tmp"), Path("/tmp"))  # noqa: S108
SOCKET_PLACES = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108
# Numbers that neither Debian nor systemd assigns, below the 65,536 that a container has.
FREE_NUMBERS = range(65_520, 65_534)


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot be used; the message tells what to do."""


@dataclass(frozen=True)
class Account:
    """The numeric user and group of a process or folder."""

    uid: int
    gid: int


def is_root() -> bool:
    """Tell whether the server has to run as another account than ours."""
    return os.geteuid() == 0


def ensure_password(var: Path) -> str:
    """Return the password in `VAR/pg.secret`; the first of several concurrent makers wins."""
    path = var / "pg.secret"
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=".pg.secret.", dir=var)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(handle)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)
    return path.read_text().strip()


def data_folder(var: Path, password: str) -> Path:
    """Return where the data is, or where the first start will put it."""
    entry = var / "pgdata"
    if is_root() and not os.path.lexists(entry):
        return root_folder() / short_hash(var.resolve(), password) / "data"
    return entry.resolve()


def socket_folder(data: Path, password: str) -> Path:
    """Return a path short enough for a socket (107 bytes), which nobody can guess and take before us."""
    place = next((place for place in SOCKET_PLACES if os.access(place, os.W_OK | os.X_OK)), SOCKET_PLACES[0])
    return place / f"record-relay-{short_hash(data, password)}"


def root_folder() -> Path:
    """Return root's folder outside every home, whose parents every account may pass."""
    for place in ROOT_PLACES:
        if os.access(place, os.W_OK) and all(
            parent.stat().st_mode & stat.S_IXOTH for parent in (place, *place.parents)
        ):
            return place.resolve() / "record-relay"
    raise EmbeddedPostgresError(
        f"None of {', '.join(map(str, ROOT_PLACES))} is writable and open to the server's account. "
        "Run as an ordinary user, or set DATABASE_URL."
    )


def short_hash(path: Path, password: str) -> str:
    """Return 16 hexadecimal digits that only those who know the password can tell beforehand."""
    return hashlib.sha256(os.fsencode(path) + b"\0" + password.encode()).hexdigest()[:16]


def account_of_server(data: Path) -> Account:
    """Return as whom the server runs: ourselves, or for root the data folder's owner or a free number.

    Raises: EmbeddedPostgresError when the data folder is another user's.
    """
    try:
        found = data.stat()
    except FileNotFoundError:
        return first_free_account() if is_root() else Account(os.geteuid(), os.getegid())
    except PermissionError as error:
        raise EmbeddedPostgresError(f"{data} is closed to us: run as the user who made it.") from error
    mine = found.st_uid in FREE_NUMBERS if is_root() else found.st_uid == os.geteuid()
    if not mine:
        raise EmbeddedPostgresError(
            f"{data} belongs to user {found.st_uid}: run as that user, or set VAR to a new folder."
        )
    return Account(found.st_uid, found.st_gid)


def first_free_account() -> Account:
    """Return a number that is neither a user's nor a group's; no user is added to the system."""
    for number in FREE_NUMBERS:
        with suppress(KeyError):
            pwd.getpwuid(number)
            continue
        with suppress(KeyError):
            grp.getgrgid(number)
            continue
        return Account(number, number)
    raise EmbeddedPostgresError(
        "All numbers for the server's account are taken. Run as an ordinary user, or set DATABASE_URL."
    )


def make_folder(path: Path, owner: Account, mode: int = 0o700) -> None:
    """Make the folder, or check that the one there is the one we made.

    Raises: EmbeddedPostgresError when somebody else made it, or opened it.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner.uid or stat.S_IMODE(found.st_mode) != mode:
            raise EmbeddedPostgresError(
                f"{path} is not the folder of user {owner.uid} with mode {mode:04o} that we make. "
                "Look who made it, remove it and start again."
            ) from None
    else:
        if is_root():
            os.chown(path, owner.uid, owner.gid)
        path.chmod(mode)


def give_tree(folder: Path, owner: Account) -> None:
    """Give a folder and all in it to the account; links are not followed."""
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in (*folders, *files):
            os.chown(os.path.join(parent, name), owner.uid, owner.gid, follow_symlinks=False)
    os.chown(folder, owner.uid, owner.gid, follow_symlinks=False)
