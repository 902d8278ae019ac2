"""A large file handed to `heimdex serve`: cut off at half, resumed, and the most memory the service took."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import httpx2

from benchmarks.memory import PROC
from benchmarks.plan import Plan, fresh_home, heimdex
from benchmarks.rows import Row, at_most
from heimdex.client.uploads import UploadPlan, upload

SIZE_BYTES, QUICK_BYTES = 5_000_000_000, 100_000_000
MEMORY_BAR_MB = 300
MEGABYTE = 1_000_000
BLOCK_BYTES = 4 << 20


def upload_rows(plan: Plan, size_bytes: int | None = None) -> list[Row]:
    """Bytes that are no film, so that only their way to the disk and their checksum are measured."""
    size = size_bytes or (QUICK_BYTES if plan.quick else SIZE_BYTES)
    source = noise(plan.cache / f"noise-{size // MEGABYTE}MB.bin", size)
    with fresh_home() as home:
        room = shutil.disk_usage(home).free
        if room < size + (1 << 30):
            raise SystemExit(f"{size:,} bytes are to be received, and only {room:,} are free")
        with serving(home) as (process, address):
            return measured(process, address, source)


def measured(process: subprocess.Popen[str], address: str, source: Path) -> list[Row]:
    """Half of it in one request that is cut off, the rest by the client."""
    size, half = source.stat().st_size, source.stat().st_size // 2
    with httpx2.Client(base_url=address, trust_env=False, timeout=600.0) as client:
        before = peak_bytes(process.pid)
        began = perf_counter()
        place = send_half(client, source, half)
        told: list[tuple[int, float]] = []
        done = upload(
            client,
            source,
            lambda there, _: told.append((there, perf_counter())),
            plan=UploadPlan(place=place, wait=False, piece_bytes=64 << 20),
        )
        took_s = perf_counter() - began
        while (found := client.get(done.place).json())["state"] == "checking":
            time.sleep(0.2)
        if found["problem"] != "UnknownFormat":  # its SHA-256 was right, then its content was looked at
            raise SystemExit(f"it did not arrive whole: {found}")
        peak = peak_bytes(process.pid)
    return [
        at_most(f"peak of the service over {size / 1e9:g} GB", peak / MEGABYTE, "MB", MEMORY_BAR_MB),
        at_most("… of which it had when idle", before / MEGABYTE, "MB"),
        at_most("… received before the cut, of what was sent", 100 * told[0][0] / half, "%"),
        at_most("time until all bytes are on the disk", took_s, "s"),
        at_most("… of which a copy of the file with fsync takes", copying_s(source), "s"),
    ]


def send_half(client: httpx2.Client, source: Path, half: int) -> str:
    """Begin, send so much of one request, and hang up; the upload's address."""
    digest = hashlib.sha256()
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    pairs = {"filename": "noise.bin", "sha256": digest.hexdigest()}
    said = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
    size = source.stat().st_size
    tus = {"Tus-Resumable": "1.0.0"}
    headers = tus | {"Upload-Length": str(size), "Upload-Metadata": said}
    place = client.post("/api/v1/uploads", headers=headers).headers["Location"]
    given = tus | {
        "Host": client.base_url.netloc.decode(),
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": "0",
        "Content-Length": str(size),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    with (
        socket.create_connection(("127.0.0.1", client.base_url.port or 0)) as line,
        source.open("rb") as file,
    ):
        line.sendall(f"PATCH {place} HTTP/1.1\r\n{lines}\r\n".encode())
        line.sendfile(file, 0, half)
    return str(place)


@contextmanager
def serving(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service, and its address."""
    command = heimdex("serve", "--port", "0", home=home)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["listening"]
        finally:
            process.terminate()


def noise(path: Path, size: int) -> Path:
    """A file of random bytes, made once."""
    if not path.exists() or path.stat().st_size != size:
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            while (left := size - file.tell()) > 0:
                file.write(os.urandom(min(BLOCK_BYTES, left)))
        part.replace(path)
    return path


def copying_s(source: Path) -> float:
    """What the disk takes for the same."""
    with fresh_home() as folder:
        began = perf_counter()
        with source.open("rb") as file, (folder / "copy").open("wb") as copy:
            shutil.copyfileobj(file, copy, BLOCK_BYTES)
            copy.flush()
            os.fsync(copy.fileno())
        return perf_counter() - began


def peak_bytes(pid: int) -> int:
    """The most memory a process ever had (its resident set); Linux only."""
    lines = (PROC / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
