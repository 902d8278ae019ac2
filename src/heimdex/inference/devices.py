"""Where weights are run: the processor, or a graphics card by CUDA."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
from functools import lru_cache
from typing import Literal

from heimdex.errors import ModelUnavailable

Device = Literal["auto", "cpu", "cuda"]
DEVICES: tuple[Device, ...] = ("auto", "cpu", "cuda")

CUDA_LIBRARY = "libcuda.so.1"  # comes with the driver, not with torch
INSTALL = "pip install 'heimdex[torch]'"


def choose(asked: str) -> Literal["cpu", "cuda"]:
    """The device to use where `asked` is wanted.

    `auto` is cuda where torch, built for CUDA, and a card are there, else cpu. Nothing heavy is imported to
    find out. Raises ModelUnavailable where cuda is asked for and cannot be had, and for an unknown device.
    """
    if asked not in DEVICES:
        raise ModelUnavailable(f"No model runs on {asked!r}. The devices are {', '.join(DEVICES)}.")
    if asked == "cpu":
        return "cpu"
    lack = cuda_lack()
    if asked == "auto":
        return "cpu" if lack else "cuda"
    if lack:
        raise ModelUnavailable(f"The device cuda was asked for, but {lack}. Or set HEIMDEX_DEVICE=cpu.")
    return "cuda"


@lru_cache(maxsize=1)
def cuda_lack() -> str | None:
    """What is missing for CUDA here, with its mend; None where nothing is.

    Torch itself is not imported: it takes seconds, and a search by words has none to give.
    """
    if importlib.util.find_spec("torch") is None:
        return f"torch is not installed; `{INSTALL}`"
    if importlib.util.find_spec("onnx") is None:
        return f"onnx is not installed; `{INSTALL}`"
    build = importlib.metadata.version("torch").partition("+")[2]
    if build == "cpu":
        return f"the torch installed is built for the cpu alone; `{INSTALL}` from an index with CUDA builds"
    if not _cards():
        return "no NVIDIA card with a working driver was found; `nvidia-smi` should name one"
    return None


def _cards() -> int:
    """How many cards the driver offers, by its own library."""
    try:
        driver = ctypes.CDLL(CUDA_LIBRARY)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value
