"""The cluster on disk: made once, checked before every start, configured at every start.

Owns initdb, the role and its database, and the server's settings. Refuses a data folder of another major
version. What is logged holds no data: no statements, no parameters, no DETAIL, no text of an ordinary error.
"""

import os
import pwd
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from portal.embedded_postgres.binaries import MAJOR, run_program
from portal.embedded_postgres.folders import (
    Account,
    EmbeddedPostgresError,
    give_tree,
    is_root,
    make_folder,
    root_folder,
)

ROLE = DATABASE = "record_relay"
FIRST_STATEMENTS = f"""\
CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{{password}}'
CREATE DATABASE {DATABASE} OWNER {ROLE}
"""
SETTINGS_FILE = "record_relay.conf"
SETTINGS = """\
# Written at every start; changes here are lost.
listen_addresses = ''
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 256MB
wal_level = minimal
max_wal_senders = 0
fsync = on
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
cluster_name = 'record-relay'
# An ordinary error's text quotes the value that was refused; the program that asked is told, the log is not.
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_statement = none
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_checkpoints = off
"""


def write_settings(data: Path, socket: Path, account: Account) -> None:
    """Write our settings, which PostgreSQL reads after its own."""
    draft = data / f"{SETTINGS_FILE}.new"
    with new_file(draft, account) as file:
        file.write(SETTINGS.format(socket=socket))
    draft.replace(data / SETTINGS_FILE)


def check_version(data: Path, socket: Path, programs: Path, var: Path) -> None:
    """Refuse a data folder of another major version.

    Raises: EmbeddedPostgresError with the commands that move the data.
    """
    try:
        found = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedPostgresError(
            f"{data} is not a data folder of PostgreSQL. Put the right one back, or, to begin with an empty "
            f"database, remove {var / 'pgdata'}."
        ) from None
    if found == MAJOR:
        return
    password, dump, entry = (shlex.quote(str(var / name)) for name in ("pg.secret", "record_relay.dump", "pgdata"))
    target = f"--host={socket} --username={ROLE}"
    raise EmbeddedPostgresError(
        f"{data} is of PostgreSQL {found}, but PostgreSQL {MAJOR} is installed. Move the data by a dump:\n"
        f"1. Install the earlier release, keep its `manage.py shell` open (it runs the server), and dump:\n"
        f'   PGPASSWORD="$(cat {password})" {shlex.quote(str(programs / "pg_dump"))} {target}'
        f" --format=custom --file={dump} {DATABASE}\n"
        f"2. Close it and put the old data aside: mv {entry} {entry}.{found}\n"
        f"3. Install this release, keep its `manage.py shell` open, and restore:\n"
        f'   PGPASSWORD="$(cat {password})" {shlex.quote(str(programs / "pg_restore"))} {target}'
        f" --no-owner --dbname={DATABASE} {dump}"
    )


def make_cluster(data: Path, programs: Path, var: Path, password: str, account: Account, log: IO[bytes]) -> None:
    """Make the data folder with its role and database; it gets its name only when it is complete."""
    if is_root():
        make_folder(root_folder(), Account(0, 0), 0o755)
        if not data.parent.exists():
            make_folder(data.parent, Account(0, account.gid), 0o710)
            (data.parent / "used-by").symlink_to(var.resolve())
    # initdb wants a user that has a name; the private group keeps other processes of "nobody" out.
    maker = Account(pwd.getpwnam("nobody").pw_uid, account.gid) if is_root() else account
    draft = data.with_name(f"{data.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    make_folder(draft, maker)
    with password_file(data.parent, password, maker) as pwfile:
        status = run_program(
            programs / "initdb", "--locale=C", "--encoding=UTF8", "--auth-local=scram-sha-256",
            "--auth-host=reject", f"--pwfile={pwfile}", "--username=postgres", "--no-instructions",
            data=draft, account=maker, log=log,
        )  # fmt: skip
    if status == 0:
        with (draft / "postgresql.conf").open("a") as file:
            file.write(f"include_if_exists = '{SETTINGS_FILE}'\n")
        # No superuser ever signs in for this: single-user mode has no socket and asks for no password.
        status = run_program(
            programs / "postgres", "--single", "-c", "exit_on_error=on", "postgres",
            data=draft, account=maker, log=log,
            stdin=FIRST_STATEMENTS.format(password=password.replace("'", "''")).encode(),
        )  # fmt: skip
    if status != 0:
        raise EmbeddedPostgresError(f"The database could not be made; {var / 'pg.log'} says why.")
    if is_root():
        give_tree(draft, account)
    draft.rename(data)
    if is_root():
        (var / "pgdata").symlink_to(data)


@contextmanager
def password_file(folder: Path, password: str, reader: Account) -> Iterator[Path]:
    """Hold the password in a file that the reader can open, as long as initdb runs."""
    path = folder / "pgdata.password"
    with new_file(path, reader) as file:
        file.write(password)
    try:
        yield path
    finally:
        path.unlink()


@contextmanager
def new_file(path: Path, owner: Account) -> Iterator[IO[str]]:
    """Write a private file of that owner; a link put in its place is never followed."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        if is_root():
            os.fchown(file.fileno(), owner.uid, owner.gid)
        yield file
