"""The jobs of the pipeline, except that certain items make them misbehave. Runs inside worker processes.

A file misbehaves while its frames are looked at (`spin.jpg`) or already while it is examined
(`examine-spin.jpg`); a reddish kept frame while it is encoded, in the manner of HIDDEN_ENCODE.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from heimdex.encoders.row import LoadOptions
from heimdex.entities import Facts, Looked, Picture
from heimdex.media.pictures import read_picture
from heimdex.pipeline import work
from heimdex.pipeline.work import Encoded, LookOptions, Report, warm

__all__ = ["encode", "examine", "look", "warm"]

GIBIBYTE = 1 << 30
_hoard: list[bytes] = []


def examine(report: Report, path: bytes, max_pixels: int) -> tuple[str, Facts] | None:
    stem = _stem(path)
    if stem.startswith("examine-"):
        _misbehave(stem.removeprefix("examine-"))
    return work.examine(report, path, max_pixels)


def look(report: Report, path: bytes, facts: Facts, options: LookOptions) -> Looked:
    _misbehave(_stem(path))
    return work.look(report, path, facts, options)


def encode(report: Report, model: str, options: LoadOptions, paths: list[Path]) -> list[Encoded]:
    report()
    if any(is_reddish(read_picture(path)) for path in paths):
        _misbehave(os.environ.get("HIDDEN_ENCODE", ""))
    return work.encode(report, model, options, paths)


def is_reddish(picture: Picture) -> bool:
    red, green, blue = np.asarray(picture, np.float32).mean(axis=(0, 1))
    return bool(red > 1.5 * green and red > 1.5 * blue)


def _stem(path: bytes) -> str:
    return Path(os.fsdecode(path)).stem


def _misbehave(how: str) -> None:
    misdeed = MISDEEDS.get(how)
    if misdeed is not None:
        misdeed()


def _spin() -> None:
    re.match(r"(a+)+$", "a" * 64 + "b")  # for ages, and without ever letting Python run


def _hoard_ten_gigabytes() -> None:
    _hoard.extend(b"x" * (GIBIBYTE // 64) for _ in range(10 * 64))


def _stumble() -> None:
    raise ZeroDivisionError("one over nothing")


MISDEEDS: dict[str, Callable[[], object]] = {
    "spin": _spin,
    "abort": os.abort,
    "segfault": lambda: ctypes.string_at(0),
    "hoard": _hoard_ten_gigabytes,
    "leave": lambda: sys.exit(3),
    "stumble": _stumble,
}
