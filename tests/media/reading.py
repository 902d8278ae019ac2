"""Reads a file as the pipeline would, and tells where it stopped. As a script: many, and their memory."""
# ruff: noqa: PTH120 - names are bytes here

from __future__ import annotations

import json
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from heimdex.entities import FileStamp, Kind, Refusal
from heimdex.errors import MediaError
from heimdex.media.photo import read_photo
from heimdex.media.probe import probe
from heimdex.media.recognise import recognise
from heimdex.media.video import frames
from heimdex.media.walk import walk

MAX_PIXELS = 100_000_000


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a file: where it stopped (an Expectation's value) and what was said."""

    where: str
    message: str = ""


def outcome(path: bytes) -> Outcome:
    """Reads one file as the pipeline would: walk, recognise, probe, decode."""
    found = [met for met in walk([os.path.dirname(path)]) if _path_of(met) == os.fsdecode(path)]
    if not found:
        return Outcome(where="ignored")
    refusal = next((met for met in found if isinstance(met, Refusal)), None)
    if refusal is not None:
        return Outcome(where="walk", message=refusal.error)
    step = "recognise"
    try:
        recognised = recognise(path)
        if recognised is None:
            return Outcome(where="ignored")
        step = "probe"
        facts = probe(path, recognised, max_pixels=MAX_PIXELS)
        step = "decode"
        if facts.kind is Kind.PHOTO:
            read_photo(path, max_pixels=MAX_PIXELS, short_side=512)
        elif facts.kind is Kind.VIDEO:
            for frame in frames(path, facts):
                frame.render(64)
    except MediaError as err:
        return Outcome(where=step, message=str(err))
    return Outcome(where="indexed")


def _path_of(met: FileStamp | Refusal) -> str:
    return met.path if isinstance(met, Refusal) else os.fsdecode(met.path)


def peak_mib() -> int:
    """The most memory this process has held; `ru_maxrss` alone would count what its parent held, too."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 << 20)


if __name__ == "__main__":
    outcomes: dict[str, list[str]] = {}
    before = peak_mib()
    for line in sys.stdin.buffer.read().split(b"\0"):
        read = outcome(line)
        outcomes[os.fsdecode(line)] = [read.where, read.message]
    print(json.dumps({"grown_mib": peak_mib() - before, "outcomes": outcomes}))
