"""What the table was measured on, without naming the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.plan import CORES

PACKAGES = ("heimdex", "openvino", "av", "psycopg", "torch", "open_clip_torch", "scenedetect")


def described() -> str:
    """Processor, cores, memory, versions, as Markdown lines."""
    gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    versions = [f"{name} {version(name)}" for name in PACKAGES]
    ffmpeg = ffmpeg_version()
    if ffmpeg:
        versions.append(f"ffmpeg {ffmpeg}")
    return "\n".join(
        (
            f"- Processor: {processor()}, {CORES} of {os.cpu_count()} cores used; {gib:.0f} GiB of memory",
            f"- {platform.system()}, Python {platform.python_version()}, {', '.join(versions)}",
            "",
        )
    )


def when() -> str:
    """The date and what else the machine was doing, as a line."""
    load = os.getloadavg()[0]
    return f"Measured {datetime.now(UTC):%Y-%m-%d}, load {load:.1f} in the minute before."


def processor() -> str:
    """The processor's model, and whether it has the arithmetic that matters to models."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    name = {key.strip(): value.strip() for key, value in facts.items()}
    flags = name.get("flags", "").split()
    has = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16") if flag in flags]
    return f"{name.get('model name', platform.machine())} ({', '.join(has)})"


def version(package: str) -> str:
    """The installed version, or a dash."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "–"


def ffmpeg_version() -> str | None:
    """The version of the ffmpeg on the path."""
    if shutil.which("ffmpeg") is None:
        return None
    first = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=False).stdout
    return first.split()[2] if len(first.split()) > 2 else None
