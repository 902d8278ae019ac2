"""Jobs for worker processes that do what jobs should not."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from heimdex.errors import DamagedFile, ModelUnavailable

Report = Callable[..., None]

_calls = 0
_hoard: list[bytes] = []


def double(report: Report, number: int) -> int:
    return 2 * number


def count(report: Report) -> int:
    """How many calls this process has seen."""
    global _calls
    _calls += 1
    return _calls


def pid(report: Report) -> int:
    return os.getpid()


def surroundings(report: Report) -> dict[str, str]:
    """The environment of this process."""
    return dict(os.environ)


def refuse(report: Report, message: str) -> None:
    raise DamagedFile(message)


def stumble(report: Report) -> None:
    raise ZeroDivisionError("one over nothing")


def spin(report: Report) -> None:
    """Never returns, and never lets Python run: not even its signal handlers."""
    re.match(r"(a+)+$", "a" * 64 + "b")


def spin_deaf(report: Report) -> None:
    """Like `spin`, with every signal blocked that can be."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    spin(report)


def nap(report: Report, seconds: float) -> str:
    time.sleep(seconds)
    return "rested"


def nap_reporting(report: Report, naps: int, seconds: float) -> str:
    for number in range(naps):
        time.sleep(seconds)
        report(number)
    return "rested"


def abort(report: Report) -> None:
    os.abort()


def segfault(report: Report) -> None:
    ctypes.string_at(0)


def be_killed(report: Report) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(report: Report, code: int) -> None:
    sys.exit(code)


def hoard(report: Report, mebibytes: int, step_mebibytes: int) -> int:
    """Take that much memory, in steps, and touch all of it."""
    for _ in range(0, mebibytes, step_mebibytes):
        _hoard.append(b"x" * (step_mebibytes << 20))
        time.sleep(0.01)
    return sum(len(part) for part in _hoard)


def shout(report: Report, mebibytes: int) -> str:
    """Garbage on stdout and stderr, through Python and past it."""
    for _ in range(mebibytes):
        os.write(1, b"\x00\xff\x80" * 349_525)
        os.write(2, b"\x00\xff\x80" * 349_525)
        print("garbage", flush=True)
        print("garbage", file=sys.stderr, flush=True)
    return "said"


def closure(report: Report) -> Callable[[], int]:
    return lambda: 1


class Unreadable:
    """Can be pickled, and fails to be unpickled."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


def unreadable(report: Report) -> Unreadable:
    return Unreadable()


def where_json_is(report: Report) -> str:
    import json

    return str(json.__file__)


def large(report: Report, mebibytes: int) -> bytes:
    return b"y" * (mebibytes << 20)


def warm(report: Report, marker: Path) -> None:
    """Leaves a line in the marker: who warmed up."""
    with marker.open("a") as stream:
        stream.write(f"{os.getpid()}\n")


def warm_and_abort(report: Report, marker: Path) -> None:
    warm(report, marker)
    os.abort()


def warm_in_vain(report: Report, marker: Path) -> None:
    warm(report, marker)
    raise ModelUnavailable("the weights are not here")
