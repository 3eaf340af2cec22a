"""The life cycle of the embedded server: start, liveness, healing, stop.

Owns who starts it and who stops it. Refuses to believe a pid: it is alive when it answers `SELECT 1`.
Source: design/rulings.md A3.

Two locks in VAR, both dropped by the kernel when their holder dies: `pg.lock` around starting and stopping,
and `pg.owner`, which the process that has to stop the server holds as long as it lives.
"""

import fcntl
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import IO, Literal
from urllib.parse import quote

import psycopg

from portal.embedded_postgres import cluster, folders, processes
from portal.embedded_postgres.binaries import find_programs, run_program
from portal.embedded_postgres.folders import EmbeddedPostgresError

logger = logging.getLogger("relay.embedded_postgres")

START_SECONDS = 120
LOG_BYTES = 5 * 2**20


class EmbeddedPostgres:
    """The server of one VAR folder; any number of processes may hold one."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self._owner: int | None = None

    @cached_property
    def _password(self) -> str:
        return folders.ensure_password(self.var)

    @cached_property
    def _socket(self) -> Path:
        return folders.socket_folder(self._data, self._password)

    @property
    def _data(self) -> Path:
        return folders.data_folder(self.var, self._password)

    @property
    def database_url(self) -> str:
        """Return the address as one text. Shape: postgresql://role:password@/database?host=folder."""
        password, host = quote(self._password, safe=""), quote(str(self._socket), safe="")
        return f"postgresql://{cluster.ROLE}:{password}@/{cluster.DATABASE}?host={host}"

    @property
    def owns_server(self) -> bool:
        """Tell whether this object has to stop the server."""
        return self._owner is not None

    def database_settings(self) -> dict[str, str]:
        """Return what Django's DATABASES takes, without the engine; makes VAR/pg.secret, starts nothing."""
        return {
            "NAME": cluster.DATABASE,
            "USER": cluster.ROLE,
            "PASSWORD": self._password,
            "HOST": str(self._socket),
            "PORT": "",
        }

    def is_alive(self) -> bool:
        """Tell whether the server answers."""
        return not self._refusal()

    def ensure_running(self) -> bool:
        """Start the server unless it answers; True tells the caller to stop it at its end.

        It is also True when the process that started the server was killed: the caller takes its place.
        Raises: EmbeddedPostgresError
        """
        if self.is_alive():
            return not self.owns_server and self._take_ownership()
        with self._lock():
            return self._start_if_dead()

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server and wait until it is gone; nothing happens when it is not running."""
        with self._lock(), self._log() as log:
            if processes.is_postmaster_alive(self._data) or self.is_alive():
                self._stop_postmaster(mode, log)
            with suppress(OSError):
                self._socket.rmdir()
            if self._owner is not None:
                os.close(self._owner)
                self._owner = None

    def watch(self, stop_event: threading.Event, interval_seconds: float = 2.0) -> None:
        """Start the server again whenever it does not answer, until the event is set."""
        while not stop_event.wait(interval_seconds):
            try:
                self._cut_log()
                if self.is_alive():
                    continue
                with self._lock():
                    if not stop_event.is_set():
                        self._start_if_dead()
                        logger.warning("The embedded PostgreSQL did not answer; it is running again.")
            except EmbeddedPostgresError as error:
                logger.error("The embedded PostgreSQL does not answer: %s", error)

    def destroy(self) -> None:
        """Stop the server at once and remove its data."""
        self.stop("immediate")
        data, entry = self._data, self.var / "pgdata"
        if entry.is_symlink():
            entry.unlink()
            shutil.rmtree(data.parent, ignore_errors=True)
        else:
            shutil.rmtree(data, ignore_errors=True)

    # -- Steps under the lock ---------------------------------------------------------------------

    def _start_if_dead(self) -> bool:
        """Start the server unless it answers by now; return whether we have to stop it."""
        if self.is_alive():
            return not self.owns_server and self._take_ownership()
        data, entry = self._data, self.var / "pgdata"
        account = folders.account_of_server(data)
        programs = find_programs()
        with self._log() as log:
            if not data.exists():
                if entry.is_symlink():
                    raise EmbeddedPostgresError(
                        f"The data folder {data} is missing. Put it back from a copy, or, to begin with "
                        f"an empty database, remove the link {entry}."
                    )
                cluster.make_cluster(data, programs, self.var, self._password, account, log)
            cluster.check_version(data, self._socket, programs, self.var)
            if not self._wait_for_living_postmaster(log):
                folders.make_folder(self._socket, account)
                processes.clear_dead_postmaster(data, self._socket / folders.SOCKET_NAME)
                cluster.write_settings(data, self._socket, account)
                run_program(
                    programs / "pg_ctl", "start", "--silent", "--wait", f"--timeout={START_SECONDS}",
                    data=data, account=account, log=log,
                )  # fmt: skip
        if refusal := self._refusal():
            self._explain(refusal)
        return self.owns_server or self._take_ownership()

    def _wait_for_living_postmaster(self, log: IO[bytes]) -> bool:
        """Let a living postmaster finish what it does (recovery, stopping); return whether it answers."""
        deadline = time.monotonic() + START_SECONDS
        while processes.is_postmaster_alive(self._data):
            if not (refusal := self._refusal()):
                return True
            if not (self._socket / folders.SOCKET_NAME).exists() and self._is_ready():
                self._stop_postmaster("fast", log)  # Somebody removed the socket: nobody can ever reach it.
            elif "password authentication failed" in refusal or time.monotonic() > deadline:
                self._explain(refusal)
            time.sleep(0.05)
        return False

    def _is_ready(self) -> bool:
        """Tell whether the postmaster says that it takes connections (line 8 of its file)."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def _stop_postmaster(self, mode: Literal["fast", "immediate"], log: IO[bytes]) -> None:
        status = run_program(
            find_programs() / "pg_ctl", "stop", f"--mode={mode}", "--silent", "--wait",
            f"--timeout={START_SECONDS}",
            data=self._data, account=folders.account_of_server(self._data), log=log,
        )  # fmt: skip
        if status != 0 and processes.is_postmaster_alive(self._data):
            raise EmbeddedPostgresError(f"PostgreSQL did not stop; {self.var / 'pg.log'} says why.")

    def _refusal(self) -> str:
        """Ask `SELECT 1` and return why there was no answer.

        It asks as the superuser, for whom three connections are kept: a full server is not a dead one.
        """
        try:
            with psycopg.connect(
                host=str(self._socket),
                user="postgres",
                dbname="postgres",
                password=self._password,
                connect_timeout=5,
                require_auth="scram-sha-256",
            ) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError as error:
            return str(error) or "no answer"
        return ""

    def _explain(self, refusal: str) -> None:
        """Raises: EmbeddedPostgresError with what to do."""
        if "password authentication failed" in refusal:
            raise EmbeddedPostgresError(
                f"{self.var / 'pg.secret'} is not the password of {self._data}. Put it back from a copy."
            )
        raise EmbeddedPostgresError(
            f"PostgreSQL did not start, or did not answer for {START_SECONDS} seconds; "
            f"{self.var / 'pg.log'} says why. Solve that, or set DATABASE_URL to another server."
        )

    # -- Files in VAR -------------------------------------------------------------------------------

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold `pg.lock`, and turn what the system refuses into our own error."""
        try:
            self.var.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.var / "pg.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The system refused the embedded PostgreSQL: {error}. Set VAR to a folder that is yours, "
                "or set DATABASE_URL to another server."
            ) from error

    def _take_ownership(self) -> bool:
        """Take `pg.owner` unless a living process holds it."""
        handle = os.open(self.var / "pg.owner", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._owner = handle
        return True

    @contextmanager
    def _log(self) -> Iterator[IO[bytes]]:
        """Open `pg.log`, which the server inherits: below root's home it could not open a file by itself."""
        handle = os.open(self.var / "pg.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "ab") as log:
            yield log

    def _cut_log(self) -> None:
        """Move a log that grew too long to `pg.log.1`; the server keeps writing to the same, emptied file."""
        path = self.var / "pg.log"
        with suppress(OSError):
            if path.stat().st_size > LOG_BYTES:
                shutil.copy2(path, f"{path}.1")
                os.truncate(path, 0)
