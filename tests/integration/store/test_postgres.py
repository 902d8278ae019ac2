"""The embedded server through starts, kills, full disks and odd homes. Every test has a home of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from heimdex.errors import DatabaseUnavailable, SchemaMismatch, StorageFull
from heimdex.store.cluster import PostgresOptions, is_private, read_pid_file
from heimdex.store.postgres import EmbeddedPostgres
from tests.integration.store.conftest import SmallDisk

QUICK = PostgresOptions(durable=False)

CLIENT = """
import sys
from pathlib import Path
from heimdex.store.cluster import PostgresOptions, read_pid_file
from heimdex.store.postgres import EmbeddedPostgres
home = Path(sys.argv[1])
server = EmbeddedPostgres(home, options=PostgresOptions(durable=False))
sys.stdin.readline()
server.start()
print(read_pid_file(home / "postgres" / "18").pid, flush=True)
sys.stdin.readline()
server.close()
"""


class Client:
    """Another process that uses the home: `go` lets it start, `leave` lets it close."""

    def __init__(self, home: Path, *, user: int | None = None):
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            user=user,
        )

    def _tell(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def go(self) -> None:
        self._tell()

    def server_pid(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def leave(self) -> None:
        self._tell()
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        os.killpg(self.process.pid, how)
        self.process.communicate(timeout=60)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    yield folder
    EmbeddedPostgres(folder, options=QUICK).stop_now()


def data_of(home: Path) -> Path:
    return home / "postgres" / "18"


def pid_of(home: Path) -> int:
    found = read_pid_file(data_of(home))
    assert found is not None
    return found.pid


def ask(conninfo: str, question: str = "SELECT 1") -> object:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(question).fetchone()  # type: ignore[arg-type,unused-ignore]
        assert row is not None
        return row[0]


MakeStopped = Callable[[Path], None]


@pytest.fixture(scope="session")
def make_stopped(tmp_path_factory: pytest.TempPathFactory) -> MakeStopped:
    """Puts a cluster that is not running into a home; a copy is quicker than making one each time."""
    original = tmp_path_factory.mktemp("made") / "home"
    server = EmbeddedPostgres(original, options=QUICK)
    server.start()
    server.stop_now()
    server.close()

    def copy(home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", f"{original}/postgres", f"{home}/postgres"], check=True)

    return copy


def wait_until_gone(pid: int) -> None:
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        time.sleep(0.01)


def test_the_server_runs_from_the_first_start_to_the_last_close(home: Path) -> None:
    first, second = EmbeddedPostgres(home, options=QUICK), EmbeddedPostgres(home, options=QUICK)
    conninfo = first.start()
    pid = pid_of(home)
    assert second.start() == conninfo
    assert pid_of(home) == pid
    first.close()
    assert second.is_running()
    assert ask(conninfo) == 1
    second.close()
    assert not second.is_running()
    assert not second.state().running


def test_the_cluster_has_checksums_a_plain_locale_and_listens_on_no_network(home: Path) -> None:
    server = EmbeddedPostgres(home)
    conninfo = server.start()
    expected = {
        "data_checksums": "on",
        "jit": "off",
        "listen_addresses": "",
        "fsync": "on",
        "server_encoding": "UTF8",
    }
    assert {name: ask(conninfo, f"SHOW {name}") for name in expected} == expected
    assert ask(conninfo, "SELECT datlocale FROM pg_database WHERE datname = 'postgres'") == "C.UTF-8"
    state = server.state()
    assert state.running
    assert state.pid == pid_of(home)
    assert state.size_bytes > 10_000_000
    assert "ready to accept connections" in state.log_tail
    assert state.socket_folder is not None
    assert is_private(state.socket_folder, data_of(home).stat().st_uid)
    server.close()


def test_processes_that_start_together_share_one_server(home: Path) -> None:
    clients = [Client(home) for _ in range(3)]
    for client in clients:
        client.go()
    pids = {client.server_pid() for client in clients}
    assert len(pids) == 1
    for client in clients[:-1]:
        client.leave()
        assert EmbeddedPostgres(home, options=QUICK).is_running()
    clients[-1].leave()
    assert not EmbeddedPostgres(home, options=QUICK).is_running()


def test_a_killed_client_leaves_the_server_to_the_next_that_closes(home: Path) -> None:
    client = Client(home)
    client.go()
    pid = client.server_pid()
    client.kill()
    server = EmbeddedPostgres(home, options=QUICK)
    assert server.is_running()
    server.start()
    assert pid_of(home) == pid
    server.close()
    assert not server.is_running()


def test_the_server_survives_ctrl_c_in_the_terminal_of_its_starter(home: Path) -> None:
    client = Client(home)
    client.go()
    pid = client.server_pid()
    keeper = EmbeddedPostgres(home, options=QUICK)
    conninfo = keeper.start()
    client.kill(signal.SIGINT)  # what a terminal sends to the whole foreground group
    assert ask(conninfo) == 1
    assert pid_of(home) == pid
    keeper.close()


def test_a_process_that_forgets_to_close_still_leaves(home: Path) -> None:
    code = CLIENT.replace("server.close()", "")
    subprocess.run([sys.executable, "-c", code, str(home)], input=b"\n\n", check=True, capture_output=True)
    assert data_of(home).exists()
    assert not EmbeddedPostgres(home, options=QUICK).is_running()


def test_a_killed_server_is_started_again(home: Path) -> None:
    server = EmbeddedPostgres(home)
    with psycopg.connect(server.start()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        connection.commit()
        pid = pid_of(home)
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
        assert not server.is_running()
        conninfo = server.start()  # the old connection's process may still be dying
    assert pid_of(home) != pid
    assert ask(conninfo, "SELECT number FROM kept") == 7
    server.close()


def test_a_cluster_that_was_half_made_is_made_anew(home: Path) -> None:
    unfinished = home / "postgres" / "18.new-left"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    data_of(home).mkdir()
    server = EmbeddedPostgres(home, options=QUICK)
    assert ask(server.start()) == 1
    assert not unfinished.exists()
    server.close()


def test_files_in_place_of_a_cluster_are_not_overwritten(home: Path) -> None:
    data_of(home).mkdir(parents=True)
    (data_of(home) / "precious").write_text("mine")
    with pytest.raises(DatabaseUnavailable, match="PG_VERSION is missing"):
        EmbeddedPostgres(home, options=QUICK).start()
    assert (data_of(home) / "precious").read_text() == "mine"


@pytest.mark.parametrize("who", ["a stranger", "nobody"])
def test_a_stale_pid_file_does_not_keep_the_server_from_starting(
    home: Path, who: str, make_stopped: MakeStopped
) -> None:
    make_stopped(home)
    # PostgreSQL itself takes any process of its own account for a server, as after a reboot.
    account = data_of(home).stat().st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "60"], user=account) as stranger:
        pid = stranger.pid if who == "a stranger" else 2**22 - 1
        run = home / "postgres" / "run"
        lines = [pid, data_of(home), 1700000000, 5432, run, "", "  5432001  0", "ready   "]
        (data_of(home) / "postmaster.pid").write_text("".join(f"{line}\n" for line in lines))
        server = EmbeddedPostgres(home, options=QUICK)
        assert not server.is_running()
        assert ask(server.start()) == 1
        assert pid_of(home) != pid
        assert stranger.poll() is None
        server.close()
        stranger.kill()


def test_damaged_settings_are_written_anew(home: Path, make_stopped: MakeStopped) -> None:
    make_stopped(home)
    (data_of(home) / "postgresql.conf").write_bytes(b"\xff\x00 nonsense = = '")
    (data_of(home) / "pg_hba.conf").unlink()
    (data_of(home) / "postmaster.pid").write_bytes(b"\xff\xfe")
    server = EmbeddedPostgres(home, options=QUICK)
    assert ask(server.start()) == 1
    server.close()


def test_a_start_that_fails_quotes_the_log(home: Path, make_stopped: MakeStopped) -> None:
    make_stopped(home)
    (data_of(home) / "global" / "pg_control").unlink()
    with pytest.raises(DatabaseUnavailable, match="pg_control"):
        EmbeddedPostgres(home, options=QUICK).start()


def test_a_cluster_of_an_unknown_version_is_refused_by_name(home: Path, make_stopped: MakeStopped) -> None:
    make_stopped(home)
    (data_of(home) / "PG_VERSION").write_text("12\n")
    with pytest.raises(SchemaMismatch, match="PostgreSQL 12"):
        EmbeddedPostgres(home, options=QUICK).start()


@pytest.mark.parametrize(
    "name",
    [
        "long" * 50,
        "two words",
        "naïve ü 日本",
        'it\'s "quoted"',
        "a,b",
        "$HOME `x` \\y",
        b"\xff\xfe".decode("utf-8", "surrogateescape"),
    ],
    ids=["long", "space", "unicode", "quotes", "comma", "shell", "not UTF-8"],
)
def test_homes_with_odd_names_work(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    server = EmbeddedPostgres(home, options=QUICK)
    assert ask(server.start()) == 1
    socket_folder = server.state().socket_folder
    assert socket_folder is not None
    assert socket_folder.parent == QUICK.socket_parent
    pid = pid_of(home)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    assert ask(server.start()) == 1  # a second start reads what the first wrote, and uses the same folder
    assert server.state().socket_folder == socket_folder
    server.stop_now()
    server.close()
    assert not socket_folder.exists()


def test_a_socket_folder_open_to_others_is_refused(home: Path) -> None:
    server = EmbeddedPostgres(home, options=QUICK)
    server.start()
    socket_folder = server.state().socket_folder
    assert socket_folder is not None
    socket_folder.chmod(0o777)
    other = EmbeddedPostgres(home, options=QUICK)
    with pytest.raises(DatabaseUnavailable, match="not private"):
        other.start()
    socket_folder.chmod(0o700)
    other.close()
    assert server.is_running()
    server.close()


def test_a_home_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnavailable, match="HEIMDEX_HOME"):
        EmbeddedPostgres(tmp_path / "file" / "home", options=QUICK).start()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@needs_root
def test_root_can_have_its_home_below_a_closed_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "home", options=QUICK)
    assert ask(server.start()) == 1
    assert data_of(closed / "home").stat().st_uid != 0
    assert closed.stat().st_mode & 0o777 == 0o700
    server.close()


def test_a_disk_too_full_to_make_a_cluster_is_named_and_heals(small_disk: SmallDisk) -> None:
    small_disk.fill(leave_bytes=12_000_000)
    server = EmbeddedPostgres(small_disk.home, options=QUICK)
    with pytest.raises(StorageFull):
        server.start()
    small_disk.clear()
    assert ask(server.start()) == 1
    server.close()


def test_a_disk_too_full_to_start_is_named_and_heals(
    small_disk: SmallDisk, make_stopped: MakeStopped
) -> None:
    make_stopped(small_disk.home)
    small_disk.fill(leave_bytes=0)
    server = EmbeddedPostgres(small_disk.home, options=QUICK)
    with pytest.raises(StorageFull):
        server.start()
    small_disk.clear()
    assert ask(server.start()) == 1
    server.close()
