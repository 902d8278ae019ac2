"""Where CTranslate2 runs, and in which numbers: it drives its own graphs, by CUDA without torch."""

from __future__ import annotations

from dataclasses import dataclass

from heimdex.errors import ModelUnavailable
from heimdex.inference.session import Precision

COMPUTE_TYPES = {"fp32": "float32", "bf16": "bfloat16"}
AUTO = {"cpu": "int8", "cuda": "float16"}


@dataclass(frozen=True, kw_only=True, slots=True)
class TranslateDevice:
    """As CTranslate2 wants to be told."""

    device: str  # cpu | cuda
    compute_type: str


def choose(asked: str, precision: Precision) -> TranslateDevice:
    """The device for `auto`, `cpu` or `cuda`, and the numbers: int8 on processors, half floats on cards.

    A precision the device has not gives way to its own. Raises ModelUnavailable where the library does not
    load, and where cuda is asked for and there is no card.
    """
    try:
        import ctranslate2
    except (ImportError, OSError) as err:
        raise ModelUnavailable(f"ctranslate2 cannot be loaded ({err}); install it again.") from err
    cards = ctranslate2.get_cuda_device_count() if asked != "cpu" else 0
    if asked == "cuda" and not cards:
        raise ModelUnavailable(
            "The device cuda was asked for, but no NVIDIA card with a working driver was found; `nvidia-smi` "
            "should name one. Or set HEIMDEX_DEVICE=cpu."
        )
    device = "cuda" if cards else "cpu"
    wanted = COMPUTE_TYPES.get(precision, AUTO[device])
    supported = ctranslate2.get_supported_compute_types(device)
    return TranslateDevice(device=device, compute_type=wanted if wanted in supported else AUTO[device])
