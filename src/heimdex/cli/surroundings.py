"""What `doctor` tells of what Heimdex stands on: disk, memory, clock, port, libraries, limits."""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
import time
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from heimdex.config import Settings

LOW_DISK_BYTES = 2 << 30
WORKER_BYTES = 700 << 20  # what a decoding worker may use of a film of full size
SLOW_ANSWER_MS = 5.0
ROUND_TRIPS = 10
CLOCKS_APART_S = 2.0
FEW_FILES = 1_024
PORT = 8765  # where `heimdex serve` listens unless told otherwise

Finding = tuple[str, str]
_FLOOR = re.compile(r"([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?\s*>=\s*([\d.]+)\s*$")


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    while not folder.exists():
        folder = folder.parent
    return folder


def disk(settings: Settings) -> Finding:
    """How much is free where the home lies."""
    nearest = existing(settings.home)
    free = shutil.disk_usage(nearest).free
    told = f"{free / 2**30:.1f} GiB free at {nearest}"
    if free > LOW_DISK_BYTES:
        return "ok", told
    return "warning", f"{told}; free some, or set HEIMDEX_HOME to a larger disk"


def memory(settings: Settings) -> Finding:
    """Whether the decoding workers fit."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    wanted = settings.workers * WORKER_BYTES
    told = f"{total / 2**30:.1f} GiB; {settings.workers} decoding workers may use {wanted / 2**30:.1f} GiB"
    if total > wanted:
        return "ok", told
    return "warning", f"{told}; lower HEIMDEX_WORKERS"


def latency(settings: Settings) -> Finding:
    """How long the database takes to say anything at all."""
    from heimdex.app import Heimdex

    with Heimdex(settings) as heimdex, heimdex.database.transaction(settings.owner) as connection:
        took_s = []
        for _ in range(ROUND_TRIPS):
            began_s = time.perf_counter()
            connection.execute("SELECT 1")
            took_s.append(time.perf_counter() - began_s)
    median_ms = sorted(took_s)[ROUND_TRIPS // 2] * 1000
    told = f"the database answers within {median_ms:.2f} ms"
    if median_ms < SLOW_ANSWER_MS:
        return "ok", told
    return "warning", f"{told}; a search asks it several times: run Heimdex nearer to it"


def clock(settings: Settings) -> Finding:
    """Whether the database's clock agrees with ours: what is claimed and when rests on both."""
    from heimdex.app import Heimdex

    with Heimdex(settings) as heimdex, heimdex.database.transaction(settings.owner) as connection:
        before_s = time.time()
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::double precision").fetchone()
        after_s = time.time()
    assert row is not None
    apart_s = max(before_s - row[0], row[0] - after_s, 0.0)
    if apart_s < CLOCKS_APART_S:
        return "ok", "the database's clock agrees with ours"
    return "warning", f"the database's clock and ours are {apart_s:.0f} s apart; set both by NTP"


def port(_: Settings) -> Finding:
    """Whether `heimdex serve` could listen."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", PORT))
        except OSError as error:
            told = f"port {PORT} is taken ({error.strerror})"
            return "notice", f"{told}: `heimdex serve` runs already, or give it another --port"
    return "ok", f"port {PORT} is free for `heimdex serve`"


def libraries(_: Settings) -> Finding:
    """Whether the libraries are there, and none is older than what was asked for."""
    lacking, count = [], 0
    for requirement in requires("heimdex") or ():
        floor = _FLOOR.match(requirement)
        if floor is None:  # of an extra, or without a floor
            continue
        name, least = floor.groups()
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "missing"
        count += 1
        if found == "missing" or _numbers(found) < _numbers(least):
            lacking.append(f"{name} {found} (wanted: {least})")
    if lacking:
        told = ", ".join(lacking)
        return "error", f"{told}; run `pip install --upgrade heimdex` in this environment"
    shown = ", ".join(f"{name} {version(name)}" for name in ("openvino", "av", "psycopg", "fastapi"))
    return "ok", f"{count} libraries, none too old; {shown}"


def open_files(_: Settings) -> Finding:
    """How many files a process may have open."""
    limit, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY or limit >= FEW_FILES:
        told = "any number of" if limit == resource.RLIM_INFINITY else f"{limit}"
        return "ok", f"{told} files may be open"
    return "warning", f"only {limit} files may be open; raise it (`ulimit -n 4096`, LimitNOFILE= in systemd)"


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("+")[0])[:3])
